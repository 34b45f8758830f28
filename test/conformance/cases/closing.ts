// Closing, stopping and resetting: every waiter hears of it exactly once.

import { SHUT_WR, SO_LINGER, SOCK_STREAM, SOL_SOCKET, type QToken } from '../../../lib';
import { any, fails, nextTurn, pattern, refuses, type Context } from '../context';

export function closingCases(context: Context): void {
  const { capabilities } = context;

  async function settledOnce(tokens: QToken[], end: () => unknown): Promise<void> {
    const codes: string[] = [];
    const all = tokens.map((qt) => qt.then(() => codes.push('ok'), (error: unknown) => codes.push((error as { code: string }).code)));
    await end();
    await Promise.all(all);
    expect(codes).toEqual(tokens.map(() => 'ECANCELED'));
  }

  test('close completes pops with ECANCELED, each once', async () => {
    const { os } = context;
    const [client] = await context.pair();
    await settledOnce(Array.from({ length: 20 }, () => any(os.pop(client))), () => os.close(client));
  });

  test('close completes pushes with ECANCELED, each once', async () => {
    const { os } = context;
    const [client] = await context.pair();
    const big = pattern(2 * 1024 * 1024);
    await settledOnce([any(os.push(client, big)), any(os.push(client, big))], () => os.close(client));
  });

  test('close completes accepts with ECANCELED, each once', async () => {
    const { os } = context;
    const listener = context.listener();
    await settledOnce(Array.from({ length: 20 }, () => any(os.accept(listener))), () => os.close(listener));
  });

  test('close completes a connect with ECANCELED', async () => {
    if (!capabilities.fullBacklogWaits) return;
    const { os } = context;
    const listener = context.listener(1);
    await os.connect(context.stream(), os.getsockname(listener));
    const late = context.stream();
    await settledOnce([any(os.connect(late, os.getsockname(listener)))], () => os.close(late));
  });

  test('close completes what waits on a memory queue', async () => {
    const { os } = context;
    const reading = context.queue();
    await settledOnce([any(os.pop(reading)), any(os.pop(reading))], () => os.close(reading));
    const writing = context.queue(0);
    await settledOnce([any(os.push(writing, 'a')), any(os.push(writing, 'b'))], () => os.close(writing));
  });

  test('the cancelled tokens can also be waited for', () => {
    const { os } = context;
    const qd = context.queue();
    const qts = [os.pop(qd), os.pop(qd)];
    const closing = os.close(qd);
    const results = os.waitAll([...qts, closing]);
    expect(results.map((result) => (result.opcode === 'failed' ? result.error.code : result.opcode))).toEqual(['ECANCELED', 'ECANCELED', 'close']);
  });

  test('stop completes everything with ECANCELED and gives the same promise', async () => {
    const os = context.create();
    const tokens = Array.from({ length: 10 }, () => any(os.pop(os.queue())));
    await settledOnce(tokens, async () => {
      const stopping = os.stop({ timeout: 50 });
      expect(os.stop()).toBe(stopping);
      await stopping;
    });
  });

  test('stop ends every kind of operation, once, and lets nothing start while it drains', async () => {
    const os = context.create();
    const [client, server, listener] = [context.streamOf(os), context.streamOf(os), context.streamOf(os)];
    os.bind(listener, context.at(0));
    os.listen(listener, 1);
    const name = os.getsockname(listener);
    await os.connect(client, name);
    await os.accept(listener);
    await os.connect(server, name);
    const late = os.socket(context.domain, SOCK_STREAM, 0);
    const tokens = [
      any(os.push(client, pattern(2 * 1024 * 1024))), any(os.shutdown(client, SHUT_WR)), any(os.pop(client)), any(os.pop(os.queue())),
      any(os.pop(os.queue(), { timeout: 60_000, signal: new AbortController().signal })), any(os.push(os.queue(0), 'x')),
      ...(capabilities.fullBacklogWaits ? [any(os.connect(late, name))] : []),
    ];
    await settledOnce(tokens, () => os.stop({ timeout: 50 }));

    const draining = context.create();
    const [a, b] = [context.streamOf(draining), context.streamOf(draining)];
    draining.bind(b, context.at(0));
    draining.listen(b, 1);
    await draining.connect(a, draining.getsockname(b));
    draining.setsockopt(a, SOL_SOCKET, SO_LINGER, { enabled: true, seconds: 10 });
    const pushing = draining.push(a, pattern(2 * 1024 * 1024));
    const { newQd: unread } = await draining.accept(b);
    expect(draining.getpeername(unread)).toEqual(draining.getsockname(a));
    draining.cancel(any(pushing));
    await fails(any(pushing), 'ECANCELED');
    const stopping = draining.stop({ timeout: 20 });
    refuses(() => draining.queue(), 'EINVAL', 'being stopped');
    refuses(() => draining.pop(a), 'EBADF');
    await stopping;
  });

  test('closing a listener resets who was not accepted, and refuses who waits', async () => {
    const { os } = context;
    const listener = context.listener(1);
    const name = os.getsockname(listener);
    const inside = context.stream();
    await os.connect(inside, name);
    const outside = context.stream();
    const connecting = capabilities.fullBacklogWaits ? os.connect(outside, name) : undefined;
    await os.close(listener);
    await fails(any(os.pop(inside)), 'ECONNRESET');
    if (connecting !== undefined) await fails(any(connecting), 'ECONNREFUSED');
    const error = await fails(any(os.connect(context.stream(), name)), 'ECONNREFUSED');
    expect(error).toMatchObject({ syscall: 'connect', address: name.address, port: name.port });
  });

  test('what was accepted is delivered after the close', async () => {
    const { os } = context;
    const [client, server] = await context.pair();
    const data = pattern(100_000);
    await os.push(client, data);
    const closed = os.close(client);
    expect((await context.read(server, data.length)).equals(data)).toBe(true);
    await closed;
    expect(await context.readText(server)).toBe('');
  });

  test('SO_LINGER waits for the peer to take it', async () => {
    const { os } = context;
    const [client, server] = await context.pair();
    os.setsockopt(client, SOL_SOCKET, SO_LINGER, { enabled: true, seconds: 10 });
    await os.push(client, 'last words');
    const closed = os.close(client);
    expect(await context.readText(server)).toBe('last words');
    await closed;
    expect(await context.readText(server)).toBe('');
  });

  test('SO_LINGER of no time resets', async () => {
    const { os } = context;
    const [client, server] = await context.pair();
    const popping = os.pop(server);
    os.setsockopt(client, SOL_SOCKET, SO_LINGER, { enabled: true, seconds: 0 });
    await os.close(client);
    await fails(any(popping), 'ECONNRESET');
    await fails(any(os.push(server, 'x')), 'EPIPE');
  });

  test('a lingering close that is cancelled or timed out resets', async () => {
    const { os } = context;
    for (const how of ['cancel', 'timeout'] as const) {
      const [client, server] = await context.pair();
      os.setsockopt(client, SOL_SOCKET, SO_LINGER, { enabled: true, seconds: 10 });
      // More than the peer's side takes without anybody reading, so that there is something to wait for.
      const cut = os.push(client, pattern(2 * 1024 * 1024));
      await context.delivered();
      os.cancel(any(cut));
      const { bytesAccepted } = await fails(any(cut), 'ECANCELED');
      const closed = os.close(client, how === 'timeout' ? { timeout: 10 } : {});
      expect(closed.done).toBe(false);
      if (how === 'cancel') os.cancel(any(closed));
      await fails(any(closed), how === 'cancel' ? 'ECANCELED' : 'ETIMEDOUT');
      let received = 0;
      const reading = async (): Promise<void> => {
        for await (const sga of os.pops(server)) received += sga.byteLength;
      };
      await expect(reading()).rejects.toMatchObject({ code: 'ECONNRESET' });
      expect(received).toBeLessThanOrEqual(bytesAccepted as number);
    }
  });

  test('closing with bytes unread resets the peer', async () => {
    const { os } = context;
    const [client, server] = await context.pair();
    await os.push(client, 'never read');
    await context.delivered();
    const popping = os.pop(client);
    await os.close(server);
    await fails(any(popping), 'ECONNRESET');
  });

  test('a push to a closed peer fails, and then the pipe is broken', async () => {
    const { os } = context;
    const [client, server] = await context.pair();
    await os.close(server);
    // The first byte may be on its way before anybody says that there is nobody.
    let pushing = os.push(client, 'x');
    for (let i = 0; i < 100 && os.wait(pushing).opcode === 'push'; ++i) {
      await nextTurn();
      pushing = os.push(client, 'x');
    }
    await fails(any(pushing), 'ECONNRESET');
    await fails(any(os.push(client, 'x')), 'EPIPE');
  });

  test('a blocked push hears of the reset and says how much was accepted', async () => {
    const { os } = context;
    const [client, server] = await context.pair();
    const pushing = os.push(client, pattern(2 * 1024 * 1024));
    os.setsockopt(server, SOL_SOCKET, SO_LINGER, { enabled: true, seconds: 0 });
    await os.close(server);
    const result = os.wait(pushing);
    if (result.opcode !== 'failed') throw new Error(result.opcode);
    expect(['ECONNRESET', 'EPIPE']).toContain(result.error.code);
    expect(result.error.bytesAccepted).toBeGreaterThan(0);
  });
}
