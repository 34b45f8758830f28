// The TypeScript side alone, against a fake native libOS: tokens, the completion ring, the driver, memory on its way back.

import { checkConfig } from '../../../lib/core/config';
import { Environment } from '../../../lib/demi/environment';
import { LibOS } from '../../../lib/demi/libos';
import { Area, Header, Spin, Status, Waited } from '../../../lib/native/layout';
import { FakeNative, QUEUES } from './fake-native';

function setUp(more: { poll?: 'busy'; tokens?: number } = {}): { native: FakeNative; os: LibOS; qd: number } {
  const native = new FakeNative();
  const { poll, tokens = 100_000 } = more;
  const config = checkConfig({ libos: 'loopback', ...(poll ? { poll } : {}), limits: { queues: QUEUES, tokens } }, 'test');
  const os = new LibOS(config, 'test', new Environment(native.module()));
  return { native, os, qd: native.open(3) };
}

const microtasks = async (): Promise<void> => {
  for (let i = 0; i < 10; ++i) await undefined;
};

describe('a token', () => {
  test('that is born finished makes no second native call', () => {
    const { native, os, qd } = setUp();
    native.onSubmit = () => Status.Done;
    expect(os.wait(os.close(qd))).toMatchObject({ opcode: 'close', qd });
    expect(native.calls).toEqual(['submit']);
  });

  test('is settled by the ring, in the order of completion', async () => {
    const { native, os, qd } = setUp();
    const order: number[] = [];
    const tokens = [0, 1, 2].map((i) => {
      const qt = os.close(qd);
      void qt.then(() => order.push(i));
      return qt;
    });
    for (const slot of [2, 0, 1]) native.complete(slot);
    expect(tokens[1].done).toBe(true);
    await microtasks();
    expect(order).toEqual([2, 0, 1]);
  });

  test('keeps its one promise and its one result', async () => {
    const { native, os, qd } = setUp();
    const qt = os.close(qd);
    const first = qt.then((result) => result);
    native.complete(0);
    os.engine.takeCompletions();
    expect(await qt).toBe(await first);
    expect(() => os.wait(qt)).toThrow('collected already');
  });

  test('that the ring has no room for comes with the refill', () => {
    const { native, os, qd } = setUp();
    const tokens = Array.from({ length: Area.RingEntries + 1 }, () => os.close(qd));
    for (let slot = 0; slot < Area.RingEntries; ++slot) native.complete(slot);
    native.onFlush = () => {
      native.onFlush = () => {};
      native.complete(Area.RingEntries);
    };
    expect(tokens[0].done).toBe(true);
    expect(tokens[Area.RingEntries].done).toBe(true);
  });

  test('is refused when the limit is reached, and the place comes back', () => {
    const { native, os, qd } = setUp({ tokens: 1 });
    const qt = os.pop(qd);
    expect(() => os.pop(qd)).toThrow(/EAGAIN.*limits\.tokens \(1\)/);
    os.cancel(qt);
    expect(() => os.pop(qd)).not.toThrow();
    expect(native.calls.filter((call) => call === 'submit')).toHaveLength(2);
  });

  test('carries deadline and time-out to native code, the earlier of the two', () => {
    const { native, os, qd } = setUp();
    os.pop(qd, { timeout: 50, deadline: 1020 });
    os.pop(qd, { timeout: 5, deadline: 1020 });
    expect(native.calls.filter((call) => call.startsWith('deadline'))).toEqual(['deadline 0 1020', 'deadline 1 1005']);
  });

  test('of an aborted signal starts nothing, and rejects with the reason', async () => {
    const { native, os, qd } = setUp();
    const reason = new Error('enough');
    await expect(os.pop(qd, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(native.calls).toEqual([]);
  });

  test('gives the event loop a turn now and then, although it is always finished', async () => {
    const { native, os, qd } = setUp();
    native.onSubmit = () => Status.Done;
    let turned = false;
    setImmediate(() => (turned = true));
    for (let i = 0; i < 1024; ++i) await os.close(qd);
    expect(turned).toBe(true);
  });
});

describe('pushes that nobody collects', () => {
  test('hold nothing: the list of finished tokens stays bounded', () => {
    const { native, os, qd } = setUp({ tokens: 1 });
    native.onSubmit = () => Status.Done;
    for (let i = 0; i < 20_000; ++i) os.close(qd);
    expect(os.engine.completed.size).toBeLessThanOrEqual(2048);
    expect(os.waitNextN(1000, 0)).toHaveLength(1000);
  });

  test('while pops are kept until they are collected', () => {
    const { native, os, qd } = setUp({ tokens: 10_000 });
    native.onSubmit = (entry) => native.popped(entry, 1, 0);
    for (let i = 0; i < 10_000; ++i) os.pop(qd);
    expect(() => os.pop(qd)).toThrow('EAGAIN');
    expect(os.waitNextN(10_000, 0)).toHaveLength(10_000);
    expect(() => os.pop(qd)).not.toThrow();
  });
});

describe('the driver', () => {
  test('does not spin for a libOS that only this thread can drive', async () => {
    const { native, os, qd } = setUp();
    os.pop(qd);
    await microtasks();
    expect(native.calls).not.toContain('enter');
  });

  test('spins while native code says so, and then sleeps', async () => {
    const { native, os, qd } = setUp({ poll: 'busy' });
    let rounds = 0;
    native.onEnter = () => {
      if (++rounds === 3) native.complete(0);
      return rounds < 5 ? Spin.Again : Spin.Sleep;
    };
    const qt = os.close(qd);
    await qt;
    await microtasks();
    expect(rounds).toBe(5);
  });

  test('lets those go on first who waited for what has completed', async () => {
    const { native, os, qd } = setUp({ poll: 'busy' });
    const order: string[] = [];
    native.onEnter = () => {
      order.push('enter');
      if (order.length === 1) native.complete(0);
      return order.length < 5 ? Spin.Again : Spin.Sleep;
    };
    const closed = async () => (await os.close(qd)).opcode;
    const answers = async () => {
      await closed();
      order.push('answer');
      os.close(qd);
    };
    await answers();
    await microtasks();
    expect(order).toEqual(['enter', 'answer', 'enter', 'enter', 'enter']);
  });

  test('begins again with the next operation, and not by itself, once it was told to sleep', async () => {
    const { native, os, qd } = setUp({ poll: 'busy' });
    let rounds = 0;
    native.onEnter = () => {
      ++rounds;
      return Spin.Sleep;
    };
    os.pop(qd);
    await microtasks();
    expect(rounds).toBe(1);
    os.pop(qd);
    await microtasks();
    expect(rounds).toBe(2);
  });

  test('lets the event loop have its turn', async () => {
    const { native, os, qd } = setUp({ poll: 'busy' });
    const order: string[] = [];
    native.onEnter = () => {
      order.push('enter');
      if (order.filter((what) => what === 'enter').length === 1) return Spin.LetLoopTurn;
      native.complete(0);
      return Spin.Sleep;
    };
    setImmediate(() => order.push('loop'));
    await os.close(qd);
    expect(order).toEqual(['enter', 'loop', 'enter']);
  });
});

describe('waiting', () => {
  test('takes slices until the token has finished', () => {
    const { native, os, qd } = setUp();
    let slices = 0;
    native.onWait = () => {
      if (++slices < 3) return Waited.SliceOver;
      native.complete(0);
      return Waited.Published;
    };
    expect(os.wait(os.close(qd))).toMatchObject({ opcode: 'close' });
    expect(slices).toBe(3);
  });

  test('without a limit says so when nothing can complete', () => {
    const { os, qd } = setUp();
    expect(() => os.wait(os.pop(qd))).toThrow(/EDEADLK.*await the token/);
  });
});

describe('memory', () => {
  test('goes back with the next call, or when many are waiting', () => {
    const { native, os, qd } = setUp();
    native.onSubmit = (entry) => native.popped(entry, 7, 8);
    const pop = () => {
      const result = os.wait(os.pop(qd));
      if (result.opcode === 'pop') result.sga.free();
    };
    pop();
    expect(native.words[Header.ReturnCount]).toBe(1);
    expect(native.words[Area.Returns]).toBe(7);
    for (let i = 1; i < Area.ReturnEntries; ++i) pop();
    expect(native.calls).toContain('flush');
  });

  test('goes back at once when a push waits for it', () => {
    const { native, os, qd } = setUp();
    native.onSubmit = (entry) => native.popped(entry, 7, 8);
    const result = os.wait(os.pop(qd));
    native.words[Header.MemoryWaits] = 1;
    if (result.opcode === 'pop') result.sga.free();
    expect(native.calls.at(-1)).toBe('flush');
  });

  test('is exposed anew when its window was transferred away', () => {
    const { native, os, qd } = setUp();
    native.onSubmit = (entry) => native.popped(entry, 7, 8);
    const result = os.wait(os.pop(qd));
    if (result.opcode !== 'pop') throw new Error('no pop');
    const [view] = result.sga.segments;
    structuredClone(view.buffer, { transfer: [view.buffer as ArrayBuffer] });
    expect(view.length).toBe(0);
    native.slabs = [new ArrayBuffer(4096)];
    expect(result.sga.segments[0]).toHaveLength(8);
  });
});
