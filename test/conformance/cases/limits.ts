// Limits, and what must not count against them.

import { type QToken } from '../../../lib';
import { any, fails, refuses, type Context } from '../context';

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

  test('200 000 pushes that nobody collects', async () => {
    const os = context.limited({ tokens: 64 });
    const [client, server] = await context.pair();
    let received = 0;
    for (let i = 0; i < 200_000; ++i) {
      os.push(client, 'message!');
      if (i % 50 !== 49) continue;
      const { sga } = await os.pop(server);
      received += sga.byteLength;
      sga.free();
    }
    received += (await context.read(server, 1_600_000 - received)).length;
    expect(received).toBe(1_600_000);
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

  test('many pending tokens', async () => {
    const os = context.limited({ tokens: capabilities.mostTokens });
    const qd = context.queue();
    const pops: QToken[] = new Array<QToken>(capabilities.mostTokens);
    for (let i = 0; i < pops.length; ++i) pops[i] = any(os.pop(qd));
    expect(os.stats().tokensPending).toBe(capabilities.mostTokens);
    refuses(() => os.pop(qd), 'EAGAIN', 'limits.tokens');
    await os.close(qd);
    let cancelled = 0;
    for (const qt of pops) {
      const result = os.wait(qt);
      if (result.opcode === 'failed' && (result as { error: { code: string } }).error.code === 'ECANCELED') ++cancelled;
    }
    expect(cancelled).toBe(capabilities.mostTokens);
  });
}
