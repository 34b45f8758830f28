// Batches, and what a libOS says of itself: stats, pending, info.

import { any, fails, refuses, type Context } from '../context';

export function accountCases(context: Context): void {
  test('a batch', async () => {
    const { os } = context;
    const [client, server] = await context.pair();
    const listener = context.listener();
    const sga = os.sgaalloc(3);
    sga.segments[0].set(Buffer.from('sga'));
    const [text, bytes, moved, popped, part, accepting] = os.submit([
      { op: 'push', qd: client, data: 'text ' },
      { op: 'push', qd: client, data: new Uint8Array([104, 105, 32]) },
      { op: 'push', qd: client, data: sga },
      { op: 'pop', qd: server, size: 5 },
      { op: 'pop', qd: server },
      { op: 'accept', qd: listener },
    ]);
    expect([text, bytes, moved, popped, part, accepting].map((qt) => qt.opcode)).toEqual(['push', 'push', 'push', 'pop', 'pop', 'accept']);
    refuses(() => sga.byteLength, 'EINVAL', 'moved');
    const first = await popped;
    const second = await part;
    expect(first.sga.toBuffer().toString()).toBe('text ');
    expect(second.sga.toBuffer().toString()).toBe('hi sga');
    first.sga.free();
    second.sga.free();
    await Promise.all([text, bytes, moved]);
    await os.connect(context.stream(), os.getsockname(listener));
    context.track((await accepting).newQd);
  });

  test('a batch gives refusals through its tokens', async () => {
    const { os } = context;
    const qd = context.queue();
    const sga = os.sgaalloc(1);
    const tokens = os.submit([
      { op: 'push', qd, data: sga },
      { op: 'push', qd, data: sga },
      { op: 'push', qd, data: '' },
      { op: 'pop', qd: 0 },
      { op: 'accept', qd },
      { op: 'pop', qd, size: 0 },
      { op: 'pop', qd },
    ]);
    expect(tokens.length).toBe(7);
    expect((await tokens[0]).opcode).toBe('push');
    for (const [i, code] of [[1, 'EINVAL'], [2, 'EINVAL'], [3, 'EBADF'], [4, 'EINVAL'], [5, 'EINVAL']] as const) await fails(any(tokens[i]), code);
    (await tokens[6]).sga.free();
    expect(os.submit([])).toEqual([]);
  });

  test('a batch with a wrong type starts nothing', () => {
    const { os } = context;
    const qd = context.queue();
    const { operations } = os.stats();
    const fine = { op: 'pop', qd } as const;
    const wrongs: [unknown, string][] = [
      [null, 'batch[1]'], [{ op: 'open', qd }, "'open'"], [{ op: 'toString', qd }, 'batch[1]'], [{ op: 'pop', qd: 'x' }, 'batch[1].qd'],
      [{ op: 'pop', qd, size: '1' }, 'batch[1].size'], [{ op: 'push', qd, data: 5 }, 'batch[1].data'], [{ op: 'push', qd, data: new Uint16Array(1) }, 'batch[1].data'],
    ];
    for (const [wrong, word] of wrongs) refuses(() => os.submit([fine, wrong as typeof fine]), 'TypeError', word);
    expect(os.stats()).toMatchObject({ operations, tokensPending: 0 });
  });

  test('a large batch stays in order', async () => {
    const { os } = context;
    const qd = context.queue(5000);
    os.submit(Array.from({ length: 2000 }, (_, i) => ({ op: 'push', qd, data: `${i}` }) as const));
    const pops = os.submit(Array.from({ length: 2000 }, () => ({ op: 'pop', qd }) as const));
    for (let i = 0; i < pops.length; ++i) {
      const { sga } = await pops[i];
      if (sga.toBuffer().toString() !== `${i}`) throw new Error(`message ${i} is another one`);
      sga.free();
    }
  });

  test('stats count', async () => {
    const { os } = context;
    // What a network says at its beginning is on its way in a buffer.
    await context.delivered();
    const before = os.stats();
    const qd = context.queue();
    const popping = os.pop(qd);
    expect(os.stats()).toMatchObject({ queues: before.queues + 1, tokensPending: 1, operations: before.operations + 1 });
    os.push(qd, 'x');
    expect(os.stats()).toMatchObject({ tokensPending: 0, tokensUncollected: 1, sgArrays: 1, buffers: 1 });
    (await popping).sga.free();
    expect(os.stats()).toMatchObject({ tokensUncollected: 0, sgArrays: 0, buffers: 0, operationsThatWaited: before.operationsThatWaited + 1 });
    const qt = os.pop(qd);
    os.cancel(any(qt));
    await fails(any(os.pop(qd, { timeout: 0 })), 'ETIMEDOUT');
    expect(os.stats()).toMatchObject({ canceled: before.canceled + 1, timedOut: before.timedOut + 1 });
  });

  test('pending lists operation, descriptor and age', async () => {
    const { os } = context;
    const qd = context.queue();
    const qt = os.pop(qd);
    await fails(any(os.pop(context.queue(), { timeout: 5 })), 'ETIMEDOUT');
    const [one, ...more] = os.pending();
    expect(more).toEqual([]);
    expect(one.qt).toBe(qt);
    expect(one).toMatchObject({ opcode: 'pop', qd });
    expect(one.ageMs).toBeGreaterThanOrEqual(4);
    expect(one.ageMs).toBeLessThan(10_000);
  });

  test('an operation is as old as it is, however long nothing happened before it', async () => {
    const { os } = context;
    const qd = context.queue();
    await new Promise((resolve) => setTimeout(resolve, 200));
    os.pop(qd);
    expect(os.pending()[0].ageMs).toBeLessThan(150);
  });

  test('info and now', () => {
    const { os } = context;
    expect(os.info()).toMatchObject({ origin: 'createLibOS(config)', config: { libos: os.info().libos } });
    const before = os.now();
    expect(os.now()).toBeGreaterThanOrEqual(before);
    expect(os.unref().ref()).toBe(os);
  });

  test('after stop every call says so', async () => {
    const os = context.create();
    await os.stop();
    for (const call of [() => os.queue(), () => os.stats(), () => os.pending(), () => os.now(), () => os.sgaalloc(1), () => os.waitSet()]) {
      refuses(call, 'EINVAL', 'stopped');
    }
    await os.stop();
  });
}
