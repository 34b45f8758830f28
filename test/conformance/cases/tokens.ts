// Tokens as promises: one result, whoever asks and how often.

import { any, fails, refuses, textOf, type Context } from '../context';

export function tokenCases(context: Context): void {
  test('awaiting twice gives the same object', async () => {
    const { os } = context;
    const qd = context.queue();
    const qt = os.pop(qd);
    os.push(qd, 'x');
    const first = await qt;
    expect(await qt).toBe(first);
    expect(await qt.finally(() => {})).toBe(first);
    expect(first).toMatchObject({ opcode: 'pop', qd });
    expect(first.qt).toBe(qt);
    first.sga.free();
  });

  test('a failure is one error', async () => {
    const qt = any(context.os.pop(context.queue(), { timeout: 1 }));
    const error = await fails(qt, 'ETIMEDOUT');
    expect(await fails(qt, 'ETIMEDOUT')).toBe(error);
    expect(await qt.catch((reason: unknown) => reason)).toBe(error);
  });

  test('a lost race loses nothing', async () => {
    const { os } = context;
    const qd = context.queue();
    const qt = os.pop(qd);
    for (let i = 0; i < 3; ++i) expect(await Promise.race([qt, Promise.resolve('lost')])).toBe('lost');
    os.push(qd, 'kept');
    const { sga } = await qt;
    expect(sga.toBuffer().toString()).toBe('kept');
    sga.free();
  });

  test('what can be read of a token', async () => {
    const { os } = context;
    const qd = context.queue();
    const popping = os.pop(qd);
    const pushing = os.push(qd, 'x');
    expect([popping.opcode, popping.qd, pushing.opcode]).toEqual(['pop', qd, 'push']);
    expect(popping.id).toBe(popping.id);
    expect(popping.id).not.toBe(pushing.id);
    expect(Object.prototype.toString.call(popping)).toBe('[object QToken]');
    expect(popping.done && pushing.done).toBe(true);
    (await popping).sga.free();
  });

  test('wait gives a failure as a result', () => {
    const { os } = context;
    const qt = os.pop(context.queue());
    os.cancel(any(qt));
    const result = os.wait(qt);
    expect(result).toMatchObject({ opcode: 'failed', qd: qt.qd, error: { code: 'ECANCELED', syscall: 'pop' } });
    expect(result.qt).toBe(qt);
    refuses(() => os.wait(qt), 'EINVAL', 'collected');
  });

  test('a collected token can still be awaited', async () => {
    const { os } = context;
    const qt = os.push(context.queue(), 'x');
    const result = os.wait(qt);
    expect(await qt).toBe(result);
  });

  test('operations of one queue complete in order', async () => {
    const { os } = context;
    const [client, server] = await context.pair();
    const order: string[] = [];
    const pops = Array.from({ length: 10 }, (_, i) =>
      os.pop(server, 1).then(({ sga }) => {
        order.push(`${i}${sga.toBuffer().toString()}`);
        sga.free();
      }),
    );
    os.push(client, '0123456789');
    await Promise.all(pops);
    expect(order).toEqual(Array.from({ length: 10 }, (_, i) => `${i}${i}`));
  });

  test('a continuation that throws takes nothing from the others', async () => {
    const { os } = context;
    const queues = Array.from({ length: 5 }, () => context.queue());
    const popped: string[] = [];
    const all = queues.map((qd, i) =>
      os.pop(qd).then((result) => {
        popped.push(textOf(result));
        if (i % 2 === 0) throw new Error(`thrown by ${i}`);
      }),
    );
    os.submit(queues.map((qd, i) => ({ op: 'push', qd, data: `${i}` }) as const));
    const ends = await Promise.allSettled(all);
    expect(popped).toEqual(['0', '1', '2', '3', '4']);
    expect(ends.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected', 'fulfilled', 'rejected']);
  });

  test('a continuation may wait, and make operations complete', async () => {
    const { os } = context;
    const [first, second, third] = [context.queue(), context.queue(), context.queue()];
    const awaited = os.pop(third).then(textOf);
    const texts = os.pop(first).then((result) => {
      const waiting = os.pop(second);
      os.push(second, 'inner');
      os.push(third, 'other');
      return [textOf(result), textOf(os.wait(waiting))];
    });
    os.push(first, 'outer');
    expect(await texts).toEqual(['outer', 'inner']);
    expect(await awaited).toBe('other');
  });

  test('finished tokens do not starve timers', async () => {
    const { os } = context;
    const qd = context.queue();
    let fired = false;
    setTimeout(() => (fired = true), 1);
    const end = os.now() + 5000;
    while (!fired && os.now() < end) {
      await os.push(qd, 'x');
      (await os.pop(qd)).sga.free();
    }
    expect(fired).toBe(true);
  });

  test('connect and accept say who is there', async () => {
    const { os } = context;
    const listener = context.listener();
    const client = context.stream();
    const connecting = os.connect(client, os.getsockname(listener));
    const { newQd, addr, qd } = await os.accept(listener);
    context.track(newQd);
    expect((await connecting).qd).toBe(client);
    expect(qd).toBe(listener);
    expect(addr).toEqual(os.getsockname(client));
    expect(os.getpeername(newQd)).toEqual(addr);
    expect(os.getpeername(client)).toEqual(os.getsockname(listener));
    expect(os.getsockname(newQd)).toEqual(os.getsockname(listener));
  });
}
