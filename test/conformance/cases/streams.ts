// Connections: bytes in order, back-pressure, and the two ends of either direction.

import { SHUT_RD, SHUT_RDWR, SHUT_WR } from '../../../lib';
import { any, pattern, refuses, type Context } from '../context';

const MEBIBYTE = 1024 * 1024;

export function streamCases(context: Context): void {
  const { capabilities } = context;

  test('half-close of the client, then of the server', async () => {
    const { os } = context;
    const [client, server] = await context.pair();
    os.push(client, 'question');
    await os.shutdown(client, SHUT_WR);
    expect(await context.readText(server)).toBe('question');
    expect(await context.readText(server)).toBe('');
    expect(await context.readText(server)).toBe('');
    os.push(server, 'answer');
    expect(await context.readText(client)).toBe('answer');
    await os.shutdown(server, SHUT_WR);
    expect(await context.readText(client)).toBe('');
    refuses(() => os.push(server, 'x'), 'EPIPE');
  });

  test('the end of the write side comes behind a push that waits', async () => {
    const { os } = context;
    const [client, server] = await context.pair();
    const data = pattern(2 * MEBIBYTE);
    const pushing = os.push(client, data);
    const ending = os.shutdown(client, SHUT_WR);
    expect(pushing.done).toBe(false);
    refuses(() => os.push(client, 'x'), 'EPIPE');
    expect((await context.read(server, data.length)).equals(data)).toBe(true);
    await pushing;
    await ending;
    expect(await context.readText(server)).toBe('');
  });

  test('SHUT_RD ends one\'s own pops', async () => {
    const { os } = context;
    const [client, server] = await context.pair();
    const popping = os.pop(client);
    await os.shutdown(client, SHUT_RD);
    const { sga } = await popping;
    expect(sga.byteLength).toBe(0);
    sga.free();
    expect(await context.readText(client)).toBe('');
    os.push(client, 'still open');
    expect(await context.readText(server)).toBe('still open');
  });

  test('SHUT_RDWR ends both', async () => {
    const { os } = context;
    const [client, server] = await context.pair();
    await os.shutdown(client, SHUT_RDWR);
    refuses(() => os.push(client, 'x'), 'EPIPE');
    expect(await context.readText(client)).toBe('');
    expect(await context.readText(server)).toBe('');
  });

  test('a pop takes at most what it asks for', async () => {
    const { os } = context;
    const [client, server] = await context.pair();
    await os.push(client, 'abcdef');
    const { sga } = await os.pop(server, 4);
    expect(sga.toBuffer().toString()).toBe('abcd');
    sga.free();
    expect(await context.readText(server)).toBe('ef');
  });

  test('text is UTF-8', async () => {
    const { os } = context;
    const [client, server] = await context.pair();
    os.push(client, 'Grüße, 世界 🎈');
    expect(await context.readText(server)).toBe('Grüße, 世界 🎈');
  });

  test.each([1, 255, 2048, 65_537, MEBIBYTE, 8 * MEBIBYTE])('%d bytes arrive as they were', async (bytes) => {
    const { os } = context;
    const [client, server] = await context.pair();
    const data = pattern(bytes, bytes);
    const pushing = os.push(client, data);
    expect((await context.read(server, bytes)).equals(data)).toBe(true);
    await pushing;
  });

  test('the largest push arrives as it was', async () => {
    const { os } = context;
    const [client, server] = await context.pair();
    const data = pattern(capabilities.largestPushBytes, 7);
    const pushing = os.push(client, data);
    expect(pushing.done).toBe(false);
    let at = 0;
    while (at < data.length) {
      const { sga } = await os.pop(server);
      for (const segment of sga.segments) {
        if (Buffer.compare(segment, data.subarray(at, at + segment.length)) !== 0) throw new Error(`other bytes at ${at}`);
        at += segment.length;
      }
      sga.free();
    }
    expect(at).toBe(data.length);
    await pushing;
  });

  test('large pushes of both sides at once, and of SgArrays and text', async () => {
    const { os } = context;
    const [client, server] = await context.pair();
    const data = pattern(2 * MEBIBYTE, 3);
    const sga = os.sgaalloc(data.length);
    let at = 0;
    for (const segment of sga.segments) {
      segment.set(data.subarray(at, at + segment.length));
      at += segment.length;
    }
    const text = 'ü'.repeat(MEBIBYTE);
    const pushes = [os.push(client, sga), os.push(server, text)];
    const [there, back] = await Promise.all([context.read(server, data.length), context.read(client, 2 * MEBIBYTE)]);
    expect(there.equals(data)).toBe(true);
    expect(back.toString() === text).toBe(true);
    await Promise.all(pushes);
  });

  test("completion 'acked' waits for the peer", async () => {
    const { os } = context;
    const [client, server] = await context.pair();
    const pushing = os.push(client, 'x', { completion: 'acked', timeout: 5000 });
    expect(await context.readText(server)).toBe('x');
    expect((await pushing).opcode).toBe('push');
    const accepted = os.push(client, 'y', { completion: 'accepted' });
    expect(accepted.done).toBe(true);
    expect(await context.readText(server)).toBe('y');
  });

  test('pushes behind a cancelled one are sent', async () => {
    const { os } = context;
    const [client, server] = await context.pair();
    const cut = os.push(client, pattern(2 * MEBIBYTE));
    const behind = os.push(client, 'behind');
    os.cancel(any(cut));
    const result = os.wait(cut);
    if (result.opcode !== 'failed') throw new Error(result.opcode);
    const accepted = result.error.bytesAccepted as number;
    const all = await context.read(server, accepted + 6);
    expect(all.subarray(accepted).toString()).toBe('behind');
    await behind;
  });

  test('the caller may change the bytes once the push has completed', async () => {
    const { os } = context;
    const [client, server] = await context.pair();
    const data = new Uint8Array([1, 2, 3]);
    await os.push(client, data);
    data.fill(9);
    expect([...(await context.read(server, 3))]).toEqual([1, 2, 3]);
  });

  test('many connections to one listener', async () => {
    const { os } = context;
    const listener = context.listener(128);
    const clients = Array.from({ length: 100 }, () => context.stream());
    const accepting = clients.map(() => os.accept(listener));
    await Promise.all(clients.map((qd) => os.connect(qd, os.getsockname(listener))));
    clients.forEach((qd, i) => os.push(qd, `client ${i}`));
    const texts = new Set<string>();
    for (const { newQd } of await Promise.all(accepting)) texts.add(await context.readText(context.track(newQd)));
    expect(texts.size).toBe(100);
  });
}
