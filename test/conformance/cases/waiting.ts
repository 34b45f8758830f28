// wait, waitAny, waitAll and waitNextN.

import { type QToken } from '../../../lib';
import { any, fails, refuses, textOf, type Context } from '../context';

export function waitingCases(context: Context): void {
  const { capabilities } = context;
  test('wait of 0 looks once', () => {
    const { os } = context;
    const qd = context.queue();
    const qt = os.pop(qd);
    expect(os.wait(qt, 0)).toBeUndefined();
    expect(os.waitAny([qt], 0)).toBeUndefined();
    expect(os.waitAll([qt], 0)).toBeUndefined();
    os.push(qd, 'x');
    expect(textOf(os.wait(qt, 0))).toBe('x');
  });

  test('wait of 0 looks at what has come, and at the clock', () => {
    const { os } = context;
    const timed = (): QToken => any(os.pop(context.queue(), { timeout: 1 }));
    const looks: (() => unknown)[] = [];
    const qt = timed();
    looks.push(() => os.wait(qt, 0));
    const qts = [timed(), any(os.pop(context.queue()))];
    looks.push(() => os.waitAny(qts, 0));
    const all = [timed(), timed()];
    looks.push(() => os.waitAll(all, 0));
    const set = os.waitSet([timed()]);
    looks.push(() => set.wait(0));
    for (const look of looks) {
      const end = os.now() + 5000;
      let found: unknown;
      while ((found = look()) === undefined && os.now() < end);
      expect(found).toBeDefined();
    }
    timed();
    const end = os.now() + 5000;
    let next: unknown[] = [];
    while ((next = os.waitNextN(1, 0)).length === 0 && os.now() < end);
    expect(next).toMatchObject([{ opcode: 'failed', error: { code: 'ETIMEDOUT' } }]);
  });

  test('a time-out leaves the operation running', () => {
    const { os } = context;
    const qd = context.queue();
    const qt = os.pop(qd);
    const before = os.now();
    refuses(() => os.wait(qt, 5.5), 'ETIMEDOUT', '5.5 ms');
    expect(os.now() - before).toBeGreaterThanOrEqual(5.5);
    refuses(() => os.waitAny([qt], 1), 'ETIMEDOUT');
    refuses(() => os.waitAll([qt], 1), 'ETIMEDOUT');
    expect(qt.done).toBe(false);
    os.push(qd, 'x');
    expect(textOf(os.wait(qt, 1000))).toBe('x');
  });

  test('what only this thread could complete is a deadlock', () => {
    if (!capabilities.detectsDeadlock) return;
    const { os } = context;
    const qt = os.pop(context.queue());
    refuses(() => os.wait(qt), 'EDEADLK', 'await');
    refuses(() => os.waitAny([qt]), 'EDEADLK');
    refuses(() => os.waitAll([qt]), 'EDEADLK');
    refuses(() => os.waitNextN(1), 'EDEADLK');
    refuses(() => os.waitSet([any(qt)]).wait(), 'EDEADLK');
  });

  test('a token with a timer is no deadlock', () => {
    const { os } = context;
    const result = os.wait(os.pop(context.queue(), { timeout: 5 }));
    expect(result).toMatchObject({ opcode: 'failed', error: { code: 'ETIMEDOUT' } });
  });

  test('collected, awaited, foreign and wrong tokens are refused', async () => {
    const { os } = context;
    const qd = context.queue();
    const pushed = os.push(qd, 'x');
    os.wait(pushed);
    refuses(() => os.wait(pushed), 'EINVAL', 'qt', 'collected');
    refuses(() => os.waitAny([pushed]), 'EINVAL', 'qts[0]');
    const popping = os.pop(qd);
    const promised = popping.then(textOf);
    refuses(() => os.wait(popping), 'EINVAL', 'qt');
    expect(await promised).toBe('x');
    const pending = os.pop(qd);
    const claimed = fails(any(pending), 'ECANCELED');
    refuses(() => os.wait(pending, 0), 'EINVAL', 'awaited');
    os.cancel(any(pending));
    await claimed;
    const other = context.create();
    const foreign = other.push(other.queue(), 'x');
    refuses(() => os.wait(foreign), 'EINVAL', 'another libOS');
    refuses(() => os.waitAll([foreign]), 'EINVAL', 'qts[0]');
    refuses(() => os.waitSet([any(foreign)]), 'EINVAL', 'another libOS');
    await other.stop();
    for (const value of [undefined, null, 1, {}, Promise.resolve()]) refuses(() => os.wait(value as unknown as QToken), 'TypeError', 'qt');
  });

  test('wrong arguments', () => {
    const { os } = context;
    const qt = os.push(context.queue(), 'x');
    refuses(() => os.waitAny([]), 'EINVAL', 'qts');
    refuses(() => os.waitAll([]), 'EINVAL', 'qts');
    refuses(() => os.waitAny(qt as unknown as QToken[]), 'TypeError', 'qts');
    refuses(() => os.waitAll([any(qt), 1 as unknown as QToken]), 'TypeError', 'qts[1]');
    refuses(() => os.waitAll([qt, qt]), 'EINVAL', 'qts[1]', 'twice');
    refuses(() => os.waitAny([qt, qt]), 'EINVAL', 'qts[1]', 'twice');
    refuses(() => os.waitAny([any(qt), undefined as unknown as QToken]), 'TypeError', 'qts[1]', 'undefined');
    for (const timeout of [-1, NaN, Infinity]) {
      refuses(() => os.wait(qt, timeout), 'EINVAL', 'timeoutMs');
      refuses(() => os.waitAny([qt], timeout), 'EINVAL', 'timeoutMs');
      refuses(() => os.waitNextN(1, timeout), 'EINVAL', 'timeoutMs');
    }
    refuses(() => os.wait(qt, '1' as unknown as number), 'TypeError', 'timeoutMs');
    expect(os.waitAny([qt], Number.MAX_VALUE).index).toBe(0);
    for (const n of [0, -1, 1.5, NaN, Infinity, 2 ** 31]) refuses(() => os.waitNextN(n), 'EINVAL', 'n must');
    refuses(() => os.waitNextN('1' as unknown as number), 'TypeError', 'n must');
  });

  test('waitAny gives the index and leaves the others', () => {
    const { os } = context;
    const queues = [context.queue(), context.queue(), context.queue()];
    const qts = queues.map((qd) => os.pop(qd));
    os.push(queues[2], 'third');
    const { index, result } = os.waitAny(qts);
    expect(index).toBe(2);
    expect(result.qt).toBe(qts[2]);
    expect(textOf(result)).toBe('third');
    expect(qts[0].done || qts[1].done).toBe(false);
    os.push(queues[0], 'first');
    expect(os.waitAny([qts[1], qts[0]]).index).toBe(1);
    textOf(qts[0].result());
  });

  test('waitAny does not starve high indices', () => {
    const { os } = context;
    const qd = context.queue();
    const counts = new Array<number>(8).fill(0);
    const qts = counts.map(() => os.push(qd, 'x'));
    for (let i = 0; i < 400; ++i) {
      const { index } = os.waitAny(qts);
      ++counts[index];
      qts[index] = os.push(qd, 'x');
    }
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(25);
  });

  test('waitAny is fair to several arrays that are waited for in turn', () => {
    const { os } = context;
    const qd = context.queue();
    const arrays = [0, 1].map(() => [os.push(qd, 'x'), os.push(qd, 'x')]);
    const counts = [[0, 0], [0, 0]];
    for (let i = 0; i < 200; ++i) {
      const qts = arrays[i % 2];
      const { index } = os.waitAny(qts);
      ++counts[i % 2][index];
      qts[index] = os.push(qd, 'x');
    }
    expect(Math.min(...counts.flat())).toBeGreaterThanOrEqual(25);
  });

  test('waitAll gives all results in order', () => {
    const { os } = context;
    const qd = context.queue();
    const pops = [os.pop(qd), os.pop(qd)];
    const pushes = [os.push(qd, 'a'), os.push(qd, 'b')];
    const [a, b, c, d] = os.waitAll([pops[1], pushes[1], pops[0], pushes[0]]);
    expect([b.opcode, d.opcode]).toEqual(['push', 'push']);
    expect([textOf(a), textOf(c)]).toEqual(['b', 'a']);
  });

  test('waitAll that times out collects nothing', () => {
    const { os } = context;
    const qd = context.queue();
    const pushed = os.push(qd, 'x');
    const popped = os.pop(qd);
    const never = os.pop(qd);
    refuses(() => os.waitAll([any(pushed), any(popped), any(never)], 2), 'ETIMEDOUT');
    expect(os.wait(pushed).opcode).toBe('push');
    expect(textOf(os.wait(popped))).toBe('x');
  });

  test('waitNextN gives completions in order, and fewer on a time-out', async () => {
    const { os } = context;
    const queues = Array.from({ length: 5 }, () => context.queue());
    const qts = queues.map((qd) => os.pop(qd));
    const mine = qts[4].then(textOf);
    for (const i of [3, 1, 4, 2]) os.wait(os.push(queues[i], `${i}`));
    const results = os.waitNextN(2, 5);
    expect(results.map((result) => result.qt)).toEqual([qts[3], qts[1]]);
    const rest = os.waitNextN(10, 5);
    expect(rest.map((result) => result.qt)).toEqual([qts[2]]);
    expect(os.waitNextN(1, 0)).toEqual([]);
    expect([...results, ...rest].map(textOf)).toEqual(['3', '1', '2']);
    expect(await mine).toBe('4');
  });
}
