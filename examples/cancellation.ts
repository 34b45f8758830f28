// Four ways to end an operation: cancel, a timeout, a deadline, a signal. The stream stays usable.

import { AF_INET, DemiError, SOCK_STREAM, demi_init, type QToken } from 'demi-io';

async function outcome(qt: QToken): Promise<string> {
  try {
    const result = await qt;
    return result.opcode;
  } catch (error) {
    if (error instanceof DemiError) return error.code;
    return error instanceof Error ? error.message : String(error);
  }
}

async function main(): Promise<void> {
  await using os = demi_init();
  const listener = os.socket(AF_INET, SOCK_STREAM, 0);
  os.bind(listener, '127.0.0.1:0');
  os.listen(listener, 1);
  const client = os.socket(AF_INET, SOCK_STREAM, 0);
  const accepted = os.accept(listener);
  await os.connect(client, os.getsockname(listener));
  const { newQd: server } = await accepted;

  const canceled = os.pop(server);
  os.cancel(canceled);
  console.log(`cancel:   ${await outcome(canceled)}`);

  console.log(`timeout:  ${await outcome(os.pop(server, { timeout: 10 }))}`);

  // A deadline is a point in time: several operations in a row can share it.
  const deadline = os.now() + 20;
  const both = [await outcome(os.pop(server, { deadline })), await outcome(os.pop(client, { deadline }))];
  console.log(`deadline: ${both.join(' and ')}`);

  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error('nobody needs it any more')), 10);
  console.log(`signal:   ${await outcome(os.pop(server, { signal: controller.signal }))}`);

  os.push(client, 'still here');
  const { sga } = await os.pop(server);
  console.log(`and the stream says: ${sga.toBuffer().toString()}`);
  sga.free();
  await Promise.all([os.close(client), os.close(server), os.close(listener)]);
}

void main();
