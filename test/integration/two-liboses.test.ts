// Two libOSes of one thread that see each other: what one does completes operations of the other, without a turn of the event loop.

import { AF_INET, SOCK_STREAM, createLibOS, type LibOS } from '../../lib';

let made = 0;
async function pair(): Promise<{ one: LibOS; other: LibOS; client: number; server: number }> {
  const config = { libos: 'loopback', loopback: { namespace: `two-liboses-${++made}` } } as const;
  const [one, other] = [createLibOS(config), createLibOS(config)];
  const listener = other.socket(AF_INET, SOCK_STREAM);
  other.bind(listener, '127.0.0.1:0');
  other.listen(listener, 1);
  const client = one.socket(AF_INET, SOCK_STREAM);
  one.wait(one.connect(client, other.getsockname(listener)));
  const accepted = other.wait(other.accept(listener));
  if (accepted.opcode !== 'accept') throw accepted.error;
  await other.close(listener);
  return { one, other, client, server: accepted.newQd };
}

const textOf = (result: unknown): string => (result as { sga: { toBuffer(): Buffer } }).sga.toBuffer().toString();

test('a push of one completes the pop of the other', async () => {
  const { one, other, client, server } = await pair();
  const [first, second] = [other.pop(server), one.pop(client)];
  const awaited = second.then(textOf);
  one.push(client, 'there');
  expect(first.done).toBe(true);
  expect(textOf(other.wait(first))).toBe('there');
  other.push(server, 'back');
  expect(await awaited).toBe('back');
  await Promise.all([one.stop(), other.stop()]);
});

test('waiting on one lets the other make progress', async () => {
  const { one, other, client, server } = await pair();
  const data = new Uint8Array(2 * 1024 * 1024).fill(7);
  const pushing = one.push(client, data);
  let received = 0;
  while (received < data.length) {
    const result = other.wait(other.pop(server));
    if (result.opcode !== 'pop') throw new Error(result.opcode);
    received += result.sga.byteLength;
    result.sga.free();
  }
  expect(one.wait(pushing).opcode).toBe('push');
  expect(other.stats().sgArrays).toBe(0);
  expect(one.stats()).toMatchObject({ buffers: 0, tokensPending: 0 });
  await Promise.all([one.stop(), other.stop()]);
});

test('the end of one ends what the other waits for', async () => {
  const { one, other, client, server } = await pair();
  const popping = other.pop(server);
  one.push(client, 'last words');
  await one.stop();
  expect(textOf(await popping)).toBe('last words');
  expect(textOf(await other.pop(server))).toBe('');
  expect(() => one.push(client, 'x')).toThrow('EBADF');
  await expect(other.push(server, 'x')).rejects.toMatchObject({ code: expect.stringMatching(/ECONNRESET|EPIPE/) as string });
  await other.stop();
});

test('a pipe leads from one to the other, in either order', async () => {
  const { one, other } = await pair();
  const [created, opened] = [one.createPipe('between'), other.openPipe('between')];
  const popping = other.pop(opened);
  one.push(created, 'first');
  expect(textOf(other.wait(popping))).toBe('first');
  const pops = [one.pop(created), other.pop(opened), one.pop(created)];
  await one.close(created);
  await expect(pops[0]).rejects.toMatchObject({ code: 'ECANCELED' });
  await expect(pops[2]).rejects.toMatchObject({ code: 'ECANCELED' });
  other.push(opened, 'still there');
  expect(textOf(await pops[1])).toBe('still there');
  await Promise.all([one.stop(), other.stop()]);
});

test('a token of one cannot be waited for on the other', async () => {
  const { one, other, client } = await pair();
  const qt = one.push(client, 'x');
  expect(() => other.wait(qt)).toThrow(/EINVAL.*another libOS/);
  expect(one.wait(qt).opcode).toBe('push');
  await Promise.all([one.stop(), other.stop()]);
});

test('a wait that nothing can end is found out beside a libOS of the kernel, too, until that has a socket', async () => {
  const [one, kernel] = [createLibOS({ libos: 'loopback' }), createLibOS({ libos: 'catnap' })];
  for (const os of [one, kernel]) expect(() => os.wait(os.pop(os.queue()))).toThrow('EDEADLK');
  const listener = kernel.socket(AF_INET, SOCK_STREAM);
  kernel.bind(listener, '127.0.0.1:0');
  kernel.listen(listener, 1);
  const accepting = kernel.accept(listener);
  expect(() => one.wait(one.pop(one.queue()), 5)).toThrow('ETIMEDOUT');
  const client = kernel.socket(AF_INET, SOCK_STREAM);
  kernel.wait(kernel.connect(client, kernel.getsockname(listener)));
  expect(kernel.wait(accepting).opcode).toBe('accept');
  await Promise.all([one.stop(), kernel.stop()]);
});

test('after a stop waitNextN gives what has finished, and then says why there is nothing', async () => {
  const os = createLibOS({ libos: 'loopback' });
  const popped = os.pop(os.queue());
  await os.stop();
  expect(os.waitNextN(8)).toMatchObject([{ opcode: 'failed', qt: popped }]);
  for (const timeout of [undefined, 0, 5]) expect(() => os.waitNextN(1, timeout)).toThrow(/EINVAL.*stopped/);
});
