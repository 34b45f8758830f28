// Limits, and what must not count against them.

import { SHUT_WR, type PopResult, type QToken } from '../../../lib';
import { any, fails, pattern, refuses, type Context } from '../context';

export function limitCases(context: Context): void {
  const { capabilities } = context;

  test('limits.tokens refuses with EAGAIN, and close goes through', async () => {
    const os = context.limited({ tokens: 4 });
    const qd = context.queue();
    const pops = Array.from({ length: 4 }, () => os.pop(qd));
    refuses(() => os.pop(qd), 'EAGAIN', 'limits.tokens', '4');
    refuses(() => os.push(qd, 'x'), 'EAGAIN', 'limits.tokens');
    const [refused] = os.submit([{ op: 'pop', qd }]);
    expect(os.wait(refused)).toMatchObject({ opcode: 'failed', error: { code: 'EAGAIN' } });
    os.cancel(any(pops[0]));
    os.push(qd, 'x');
    (await pops[1]).sga.free();
    await os.close(qd);
    for (const i of [0, 2, 3]) await fails(any(pops[i]), 'ECANCELED');
  });

  test('uncollected pops count, pushes do not', () => {
    const os = context.limited({ tokens: 4 });
    const qd = context.queue();
    for (let i = 0; i < 100; ++i) os.push(qd, 'x');
    const pops = Array.from({ length: 4 }, () => os.pop(qd));
    expect(os.stats().tokensUncollected).toBe(4);
    refuses(() => os.pop(qd), 'EAGAIN');
    for (const qt of pops) {
      const result = os.wait(qt);
      if (result.opcode === 'pop') result.sga.free();
    }
    expect(os.stats().tokensUncollected).toBe(0);
    for (let i = 0; i < 96; ++i) {
      const result = os.wait(os.pop(qd));
      if (result.opcode === 'pop') result.sga.free();
    }
  });

  test('pushes that nobody collects, without a limit', async () => {
    const { manyPushes } = capabilities;
    const os = context.limited({ tokens: 64 });
    const [client, server] = await context.pair();
    let received = 0;
    for (let i = 0; i < manyPushes; ++i) {
      os.push(client, 'message!');
      if (i % 500 !== 499) continue;
      const { sga } = await os.pop(server);
      received += sga.byteLength;
      sga.free();
    }
    received += (await context.read(server, 8 * manyPushes - received)).length;
    expect(received).toBe(8 * manyPushes);
    expect(os.stats()).toMatchObject({ tokensPending: 0, tokensUncollected: 0, failuresUncollected: 0 });
  });

  test('limits.queues refuses with EMFILE', async () => {
    const os = context.limited({ queues: 3 });
    const queues = [context.queue(), context.queue(), context.queue()];
    refuses(() => os.queue(), 'EMFILE', 'limits.queues', '3');
    refuses(() => context.stream(), 'EMFILE', 'limits.queues');
    refuses(() => os.createPipe('full'), 'EMFILE', 'limits.queues');
    await os.close(queues[0]);
    context.queue();
  });

  test('an accept without a descriptor fails, and the connection stays', async () => {
    const os = context.limited({ queues: 2 });
    const listener = context.listener();
    const client = context.stream();
    await os.connect(client, os.getsockname(listener));
    await fails(any(os.accept(listener)), 'EMFILE');
    await os.close(client);
    context.track((await os.accept(listener)).newQd);
  });

  test('limits.connections refuses a connect with EAGAIN, and lets an accept wait', async () => {
    const os = context.limited({ connections: 2 });
    const listener = context.listener();
    const name = os.getsockname(listener);
    const client = context.stream();
    await os.connect(client, name);
    const server = context.track((await os.accept(listener)).newQd);
    const beyond = context.stream();
    refuses(() => os.connect(beyond, name), 'EAGAIN', 'limits.connections', '2');
    await os.close(server);
    await context.delivered();
    await os.connect(beyond, name);
    const accepting = os.accept(listener);
    expect(accepting.done).toBe(false);
    await os.close(client);
    context.track((await accepting).newQd);
  });

  test('many pending tokens: some are cancelled, the others end', async () => {
    const { mostTokens } = capabilities;
    const os = context.limited({ tokens: mostTokens });
    const qd = context.queue();
    const pops = new Array<QToken<PopResult>>(mostTokens);
    for (let i = 0; i < mostTokens; ++i) pops[i] = os.pop(qd);
    expect(os.stats().tokensPending).toBe(mostTokens);
    refuses(() => os.pop(qd), 'EAGAIN', 'limits.tokens', String(mostTokens));
    for (let i = 0; i < mostTokens; i += 1000) os.cancel(any(pops[i]));
    expect(os.stats().tokensPending).toBe(mostTokens - mostTokens / 1000);
    await os.shutdown(qd, SHUT_WR);
    let [cancelled, ended] = [0, 0];
    for (const qt of pops) {
      const result = os.wait(qt);
      if (result.opcode === 'failed') ++cancelled;
      else if (result.sga.byteLength === 0) ++ended;
      if (result.opcode === 'pop') result.sga.free();
    }
    expect([cancelled, ended]).toEqual([mostTokens / 1000, mostTokens - mostTokens / 1000]);
  });

  test('the places of tokens that closing has cancelled are free at once', async () => {
    const os = context.limited({ tokens: 4 });
    for (let round = 0; round < 3; ++round) {
      const qd = os.queue();
      const pops = Array.from({ length: 4 }, () => os.pop(qd));
      await os.close(qd);
      expect(pops.map((qt) => qt.done)).toEqual([true, true, true, true]);
    }
  });

  test('a batch keeps to limits.tokens exactly', async () => {
    const os = context.limited({ tokens: 4 });
    const qd = context.queue();
    expect(os.submit(Array.from({ length: 10 }, () => ({ op: 'push', qd, data: 'x' }) as const)).every((qt) => qt.done)).toBe(true);
    const waiting = context.queue();
    const pops = os.submit(Array.from({ length: 10 }, () => ({ op: 'pop', qd: waiting }) as const));
    expect(pops.map((qt) => qt.done)).toEqual([false, false, false, false, true, true, true, true, true, true]);
    for (const qt of pops.slice(4)) await fails(any(qt), 'EAGAIN');
    await os.close(waiting);
  });

  test('limits.bufferBytes bounds what waits to be popped', async () => {
    const os = context.limited({ bufferBytes: 4 * 1024 * 1024 });
    const qd = context.queue();
    const message = pattern(64 * 1024);
    const pushes = Array.from({ length: 100 }, () => os.push(qd, message));
    expect(pushes[0].done).toBe(true);
    expect(pushes[99].done).toBe(false);
    expect(os.stats()).toMatchObject({ bufferBytesLimit: 4 * 1024 * 1024 });
    for (const _ of pushes) expect((await context.read(qd, message.length)).equals(message)).toBe(true);
    await Promise.all(pushes);
  });
}
