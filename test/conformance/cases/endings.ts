// How an operation that has not finished ends: cancel, timeout, deadline and signal, in each state in which it can wait.

import { getEventListeners } from 'node:events';

import { any, fails, refuses, type Context } from '../context';
import { waitingStates, type Waiting } from './waiting-states';

function signalled(): { signal: AbortSignal; abort(reason: unknown): void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: (reason) => controller.abort(reason) };
}

export function endingCases(context: Context): void {
  const states = waitingStates(context);

  describe.each(Object.keys(states))('%s', (name) => {
    const make = (): Promise<Waiting> => states[name]();

    test('cancelled', async () => {
      const { os } = context;
      const waiting = await make();
      const qt = waiting.start();
      expect(qt.done).toBe(false);
      expect(os.pending().some((one) => one.qt === qt)).toBe(true);
      os.cancel(qt);
      os.cancel(qt);
      const error = await fails(qt, 'ECANCELED');
      expect(error.syscall).toBe(qt.opcode);
      expect(error.qd).toBe(qt.qd);
      await waiting.goOn(error.bytesAccepted, true);
    });

    test('cancelled while it is awaited', async () => {
      const waiting = await make();
      const qt = waiting.start();
      const failed = fails(qt, 'ECANCELED');
      setImmediate(() => context.os.cancel(qt));
      await waiting.goOn((await failed).bytesAccepted, true);
    });

    test('timed out', async () => {
      const { os } = context;
      const waiting = await make();
      const before = os.now();
      const error = await fails(waiting.start({ timeout: 15 }), 'ETIMEDOUT');
      expect(os.now() - before).toBeGreaterThanOrEqual(14.9);
      await waiting.goOn(error.bytesAccepted, true);
    });

    test('past its deadline, also through wait', async () => {
      const { os } = context;
      const waiting = await make();
      const result = os.wait(waiting.start({ deadline: os.now() + 10, timeout: 60_000 }));
      if (result.opcode !== 'failed') throw new Error(result.opcode);
      expect(result.error.code).toBe('ETIMEDOUT');
      await waiting.goOn(result.error.bytesAccepted, true);
    });

    test('with a deadline that has passed', async () => {
      const { os } = context;
      const waiting = await make();
      const error = await fails(waiting.start({ deadline: os.now() - 1 }), 'ETIMEDOUT');
      await waiting.goOn(error.bytesAccepted, true);
    });

    test('with no time at all', async () => {
      const waiting = await make();
      const qt = waiting.start({ timeout: 0 });
      expect(qt.done).toBe(false);
      await waiting.goOn((await fails(qt, 'ETIMEDOUT')).bytesAccepted, true);
    });

    test('timed out, and the signal comes too late', async () => {
      const { os } = context;
      const waiting = await make();
      const controller = new AbortController();
      const qt = waiting.start({ signal: controller.signal, timeout: 1 });
      const result = os.wait(qt);
      controller.abort(new Error('too late'));
      if (result.opcode !== 'failed') throw new Error(result.opcode);
      expect(result.error.code).toBe('ETIMEDOUT');
      await expect(qt).rejects.toBe(result.error);
      await waiting.goOn(result.error.bytesAccepted, true);
    });

    test('aborted by a signal before its time is over', async () => {
      const waiting = await make();
      const controller = new AbortController();
      const qt = waiting.start({ signal: controller.signal, timeout: 60_000, deadline: Number.MAX_VALUE });
      const failed = expect(qt).rejects.toBe('now');
      controller.abort('now');
      await failed;
      const { error } = qt.result() as { error: { bytesAccepted?: number } };
      await waiting.goOn(error.bytesAccepted, true);
    });

    test('aborted by a signal', async () => {
      const { os } = context;
      const waiting = await make();
      const controller = new AbortController();
      const reason = new Error('enough');
      const qt = waiting.start({ signal: controller.signal });
      controller.abort(reason);
      const result = os.wait(qt);
      if (result.opcode !== 'failed') throw new Error(result.opcode);
      expect(result.error.code).toBe('ECANCELED');
      expect(result.error.cause).toBe(reason);
      await expect(qt).rejects.toBe(reason);
      await waiting.goOn(result.error.bytesAccepted, true);
    });

    test('with a signal that was aborted before', async () => {
      const { os } = context;
      const waiting = await make();
      const { operations } = os.stats();
      const qt = waiting.start({ signal: AbortSignal.abort('too late') });
      expect(qt.done).toBe(true);
      expect(os.stats().operations).toBe(operations);
      await expect(qt).rejects.toBe('too late');
      await waiting.goOn(0, false);
    });
  });

  test('an operation that finished in time ignores what comes later', async () => {
    const { os } = context;
    const qd = context.queue();
    const controller = new AbortController();
    const popping = os.pop(qd, { signal: controller.signal, timeout: 5 });
    os.push(qd, 'x');
    const { sga } = await popping;
    controller.abort();
    os.cancel(any(popping));
    // Its time is over, too, when that of a later one is.
    await fails(any(os.pop(qd, { timeout: 6 })), 'ETIMEDOUT');
    expect((await popping).sga).toBe(sga);
    sga.free();
  });

  test('cancelling one pop leaves those behind it', async () => {
    const { os } = context;
    const [client, server] = await context.pair();
    const pops = [os.pop(server, 1), os.pop(server, 1), os.pop(server, 1)];
    os.cancel(any(pops[1]));
    os.push(client, 'abc');
    for (const [i, letter] of [[0, 'a'], [2, 'b']] as const) {
      const { sga } = await pops[i];
      expect(sga.toBuffer().toString()).toBe(letter);
      sga.free();
    }
    await fails(any(pops[1]), 'ECANCELED');
    expect(await context.readText(server)).toBe('c');
  });

  test('one signal ends many operations, with one listener', async () => {
    const { os } = context;
    const { signal, abort } = signalled();
    const qts = Array.from({ length: 50 }, () => os.pop(context.queue(), { signal }));
    const others = Array.from({ length: 5 }, () => os.pop(context.queue()));
    expect(getEventListeners(signal, 'abort').length).toBe(1);
    const reason = new Error('all');
    abort(reason);
    for (const qt of qts) await expect(qt).rejects.toBe(reason);
    expect(getEventListeners(signal, 'abort').length).toBe(0);
    expect(others.some((qt) => qt.done)).toBe(false);
  });

  test('a signal that lives long is left alone by what has finished', async () => {
    const { os } = context;
    const { signal, abort } = signalled();
    const qd = context.queue();
    for (let i = 0; i < context.capabilities.mostTokens / 10; ++i) {
      const popping = os.pop(qd, { signal });
      os.push(qd, 'x', { signal });
      const result = os.wait(popping);
      if (result.opcode === 'pop') result.sga.free();
    }
    expect(getEventListeners(signal, 'abort').length).toBe(0);
    os.push(qd, 'last');
    abort('nothing is left to abort');
    expect(await context.readText(qd)).toBe('last');
  });

  test('a token of another libOS is not cancelled', async () => {
    const other = context.create();
    const qt = other.pop(other.queue());
    refuses(() => context.os.cancel(any(qt)), 'EINVAL', 'qt');
    const cancelled = fails(any(qt), 'ECANCELED');
    await other.stop();
    await cancelled;
  });
}
