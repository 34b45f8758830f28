// How an operation that has not finished ends: cancel, timeout, deadline and signal, in each state in which it can wait.

import { type OperationOptions, type QToken } from '../../../lib';
import { any, fails, pattern, refuses, type Context } from '../context';

interface Waiting {
  start(options?: OperationOptions): QToken;
  /** Proves that the queue is usable after the operation ended with `error`. */
  goOn(bytesAccepted: number | undefined): Promise<void>;
}

const MESSAGE = pattern(2 * 1024 * 1024);

export function endingCases(context: Context): void {
  const popOnStream = async (): Promise<Waiting> => {
    const { os } = context;
    const [client, server] = await context.pair();
    return {
      start: (options) => any(os.pop(server, options)),
      goOn: async () => {
        os.push(client, 'after');
        expect(await context.readText(server)).toBe('after');
      },
    };
  };
  const pushOnStream = async (): Promise<Waiting> => {
    const { os } = context;
    const [client, server] = await context.pair();
    return {
      start: (options) => any(os.push(client, MESSAGE, options)),
      goOn: async (bytesAccepted) => {
        const accepted = bytesAccepted as number;
        expect(accepted).toBeLessThan(MESSAGE.length);
        expect((await context.read(server, accepted)).equals(MESSAGE.subarray(0, accepted))).toBe(true);
        os.push(client, 'after');
        expect(await context.readText(server)).toBe('after');
      },
    };
  };
  const secondPush = async (): Promise<Waiting> => {
    const { os } = context;
    const [client, server] = await context.pair();
    const first = os.push(client, MESSAGE);
    return {
      start: (options) => any(os.push(client, MESSAGE, options)),
      goOn: async (bytesAccepted) => {
        expect(bytesAccepted).toBe(0);
        expect((await context.read(server, MESSAGE.length)).equals(MESSAGE)).toBe(true);
        await first;
        os.push(client, 'after');
        expect(await context.readText(server)).toBe('after');
      },
    };
  };
  const accept = (): Promise<Waiting> => {
    const { os } = context;
    const listener = context.listener();
    return Promise.resolve({
      start: (options) => any(os.accept(listener, options)),
      goOn: async () => {
        await os.connect(context.stream(), os.getsockname(listener));
        context.track((await os.accept(listener)).newQd);
      },
    });
  };
  const connect = async (): Promise<Waiting> => {
    const { os } = context;
    const listener = context.listener(1);
    const name = os.getsockname(listener);
    await os.connect(context.stream(), name);
    const late = context.stream();
    return {
      start: (options) => any(os.connect(late, name, options)),
      goOn: async () => {
        const again = os.connect(late, name);
        context.track((await os.accept(listener)).newQd);
        await again;
        context.track((await os.accept(listener)).newQd);
      },
    };
  };
  const popOnDatagrams = (): Promise<Waiting> => {
    const { os } = context;
    const qd = context.datagram();
    return Promise.resolve({
      start: (options) => any(os.pop(qd, options)),
      goOn: async () => {
        os.pushto(context.datagram(), 'after', os.getsockname(qd));
        expect(await context.readText(qd)).toBe('after');
      },
    });
  };
  const popOnQueue = (): Promise<Waiting> => {
    const { os } = context;
    const qd = context.queue();
    return Promise.resolve({
      start: (options) => any(os.pop(qd, options)),
      goOn: async () => {
        os.push(qd, 'after');
        expect(await context.readText(qd)).toBe('after');
      },
    });
  };
  const pushOnRendezvous = (): Promise<Waiting> => {
    const { os } = context;
    const qd = context.queue(0);
    return Promise.resolve({
      start: (options) => any(os.push(qd, 'before', options)),
      goOn: async (bytesAccepted) => {
        expect(bytesAccepted).toBe(0);
        os.push(qd, 'after');
        expect(await context.readText(qd)).toBe('after');
      },
    });
  };

  const states: Record<string, () => Promise<Waiting>> = {
    'a pop of a stream': popOnStream,
    'a push that fills a stream': pushOnStream,
    'a push behind another one': secondPush,
    'an accept': accept,
    ...(context.capabilities.fullBacklogWaits ? { 'a connect to a full backlog': connect } : {}),
    'a pop of datagrams': popOnDatagrams,
    'a pop of a memory queue': popOnQueue,
    'a push to a rendezvous': pushOnRendezvous,
  };

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
      await waiting.goOn(error.bytesAccepted);
    });

    test('cancelled while it is awaited', async () => {
      const waiting = await make();
      const qt = waiting.start();
      const failed = fails(qt, 'ECANCELED');
      setImmediate(() => context.os.cancel(qt));
      await waiting.goOn((await failed).bytesAccepted);
    });

    test('timed out', async () => {
      const { os } = context;
      const waiting = await make();
      const before = os.now();
      const error = await fails(waiting.start({ timeout: 15 }), 'ETIMEDOUT');
      expect(os.now() - before).toBeGreaterThanOrEqual(14.9);
      await waiting.goOn(error.bytesAccepted);
    });

    test('past its deadline, also through wait', async () => {
      const { os } = context;
      const waiting = await make();
      const result = os.wait(waiting.start({ deadline: os.now() + 10, timeout: 60_000 }));
      if (result.opcode !== 'failed') throw new Error(result.opcode);
      expect(result.error.code).toBe('ETIMEDOUT');
      await waiting.goOn(result.error.bytesAccepted);
    });

    test('with a deadline that has passed', async () => {
      const { os } = context;
      const waiting = await make();
      const error = await fails(waiting.start({ deadline: os.now() - 1 }), 'ETIMEDOUT');
      await waiting.goOn(error.bytesAccepted);
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
      await waiting.goOn(result.error.bytesAccepted);
    });

    test('with a signal that was aborted before', async () => {
      const { os } = context;
      const waiting = await make();
      const { operations } = os.stats();
      const qt = waiting.start({ signal: AbortSignal.abort('too late') });
      expect(qt.done).toBe(true);
      expect(os.stats().operations).toBe(operations);
      await expect(qt).rejects.toBe('too late');
      await waiting.goOn(0);
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
    await new Promise((resolve) => setTimeout(resolve, 10));
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

  test('one signal ends many operations', async () => {
    const { os } = context;
    const controller = new AbortController();
    const qts = Array.from({ length: 50 }, () => os.pop(context.queue(), { signal: controller.signal }));
    controller.abort(new Error('all'));
    for (const qt of qts) await expect(qt).rejects.toThrow('all');
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
