// Wait sets: registered once, waited for again and again.

import { type QToken } from '../../../lib';
import { any, refuses, textOf, type Context } from '../context';

export function waitSetCases(context: Context): void {
  test('a wait set: add, delete, wait', async () => {
    const { os } = context;
    const queues = Array.from({ length: 4 }, () => context.queue());
    const qts = queues.map((qd) => os.pop(qd));
    const set = os.waitSet(qts);
    expect(set.size).toBe(4);
    refuses(() => set.add(qts[0]), 'EINVAL', 'qt');
    refuses(() => os.wait(qts[0]), 'EINVAL', 'wait set');
    refuses(() => os.waitSet(qts), 'EINVAL');
    expect(set.wait(0)).toBeUndefined();
    refuses(() => set.wait(1), 'ETIMEDOUT');
    os.push(queues[2], 'c');
    os.push(queues[0], 'a');
    expect(set.delete(qts[0])).toBe(true);
    expect(set.delete(qts[0])).toBe(false);
    expect(textOf(set.wait())).toBe('c');
    expect(set.size).toBe(2);
    expect(textOf(os.wait(qts[0]))).toBe('a');
    const taken = qts[1].then(textOf);
    expect(set.size).toBe(1);
    os.push(queues[1], 'b');
    expect(await taken).toBe('b');
    os.push(queues[3], 'd');
    expect(textOf(set.wait(100))).toBe('d');
    refuses(() => set.wait(), 'EINVAL', 'empty');
    const finished = os.push(queues[0], 'x');
    expect(os.waitSet([finished]).wait().qt).toBe(finished);
    set[Symbol.dispose]();
  });

  test('a wait set over and over', () => {
    const { os } = context;
    const queues = Array.from({ length: 100 }, () => context.queue());
    const set = os.waitSet(queues.map((qd) => os.pop(qd)));
    for (let i = 0; i < 2000; ++i) {
      const qd = queues[(i * 37) % 100];
      os.push(qd, `${i}`);
      const result = set.wait();
      if (result.qd !== qd || textOf(result) !== `${i}`) throw new Error(`round ${i} gave another result`);
      set.add(os.pop(qd));
    }
    expect(set.size).toBe(100);
  });

  test('what is no list of tokens', () => {
    const { os } = context;
    const wrong = (value: unknown): never => value as never;
    for (const value of [null, 5, 'tokens', {}]) refuses(() => os.waitSet(wrong(value)), 'TypeError', 'qts');
    refuses(() => os.waitSet().add(wrong(5)), 'TypeError', 'qt', '5');
    for (const timeout of [-1, NaN]) refuses(() => os.waitSet().wait(timeout), 'EINVAL', 'timeoutMs');
    expect(os.waitSet().delete(any(os.push(context.queue(), 'x')))).toBe(false);
  });

  test('a set that is refused leaves its tokens to the caller', () => {
    const { os } = context;
    const queues = [context.queue(), context.queue()];
    const qts: QToken[] = queues.map((qd) => any(os.pop(qd)));
    refuses(() => os.waitSet([...qts, 'no token' as unknown as QToken]), 'TypeError', 'qt');
    refuses(() => os.waitSet([qts[0], qts[0]]), 'EINVAL', 'wait set');
    os.push(queues[1], 'x');
    expect(textOf(os.wait(qts[1]))).toBe('x');
  });

  test('what a set gives back is there for waitNextN, once', () => {
    const { os } = context;
    const qd = context.queue();
    const finished = any(os.push(qd, 'x'));
    const pending = any(os.pop(context.queue(), { timeout: 5 }));
    const set = os.waitSet([finished]);
    set.delete(finished);
    expect(os.waitNextN(2).map(({ qt }) => qt)).toEqual([finished, pending]);
    expect(os.waitNextN(1, 0)).toEqual([]);
    expect(textOf(os.wait(os.pop(qd)))).toBe('x');
  });
}
