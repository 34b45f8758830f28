// One loop serves several queues with waitAny: whichever token is done comes next.

import { SHUT_WR, createLibOS, type PopResult, type QToken } from 'demi-io';

const MESSAGES = 1000;

async function main(): Promise<void> {
  await using os = createLibOS({ libos: 'loopback' });
  const names = ['red', 'green', 'blue'];
  const queues = names.map(() => os.queue());
  for (let i = 0; i < MESSAGES; i++) for (const qd of queues) os.push(qd, `message ${i}`);
  for (const qd of queues) os.shutdown(qd, SHUT_WR);

  const received = names.map(() => 0);
  const open = names.map((_, queue) => ({ queue, qt: os.pop(queues[queue]) as QToken<PopResult> }));
  while (open.length > 0) {
    const { index, result } = os.waitAny(open.map(({ qt }) => qt));
    // A failed operation is a result too; the others go on.
    if (result.opcode === 'failed') throw result.error;
    const { queue } = open[index];
    if (result.sga.byteLength === 0) {
      console.log(`${names[queue]} is done after ${received[queue]} messages`);
      open.splice(index, 1);
    } else {
      received[queue]++;
      open[index].qt = os.pop(queues[queue]);
    }
    result.sga.free();
  }
  for (const qd of queues) await os.close(qd);
  console.log(`${received.reduce((sum, count) => sum + count)} messages in all`);
}

void main();
