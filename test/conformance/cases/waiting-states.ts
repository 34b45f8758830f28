// The states in which an operation waits, each with what must be possible after it was cancelled or its time was over.

import { SHUT_WR, SO_LINGER, SOL_SOCKET, type OperationOptions, type QToken } from '../../../lib';
import { any, fails, pattern, refuses, type Context } from '../context';

export interface Waiting {
  start(options?: OperationOptions): QToken;
  /** Proves that the queue is as usable as it should be after the operation ended, having `bytesAccepted` if it is a push. */
  goOn(bytesAccepted: number | undefined, started: boolean): Promise<void>;
}

const MESSAGE = pattern(2 * 1024 * 1024);

export function waitingStates(context: Context): Record<string, () => Promise<Waiting>> {
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
  const shutdown = async (): Promise<Waiting> => {
    const { os } = context;
    const [client, server] = await context.pair();
    const first = os.push(client, MESSAGE);
    return {
      start: (options) => any(os.shutdown(client, SHUT_WR, options)),
      goOn: async () => {
        // The end was not sent: what comes behind it is.
        const behind = os.push(client, 'after');
        expect((await context.read(server, MESSAGE.length)).equals(MESSAGE)).toBe(true);
        await Promise.all([first, behind]);
        expect(await context.readText(server)).toBe('after');
      },
    };
  };
  const close = async (): Promise<Waiting> => {
    const { os } = context;
    const [client, server] = await context.pair();
    os.setsockopt(client, SOL_SOCKET, SO_LINGER, { enabled: true, seconds: 10 });
    // More than the peer's side takes without anybody reading: the close waits for it.
    const cut = os.push(client, MESSAGE);
    await context.delivered();
    os.cancel(any(cut));
    await fails(any(cut), 'ECANCELED');
    return {
      start: (options) => any(os.close(client, options)),
      goOn: async (_, started) => {
        if (!started) {
          expect(os.getpeername(client)).toEqual(os.getsockname(server));
          // Otherwise it would linger at the end of the case.
          os.setsockopt(client, SOL_SOCKET, SO_LINGER, { enabled: false, seconds: 0 });
          return;
        }
        refuses(() => os.push(client, 'x'), 'EBADF');
        const drain = async (): Promise<void> => {
          for await (const sga of os.pops(server)) expect(sga.byteLength).toBeGreaterThan(0);
        };
        await expect(drain()).rejects.toMatchObject({ code: 'ECONNRESET' });
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

  return {
    'a pop of a stream': popOnStream,
    'a push that fills a stream': pushOnStream,
    'a push behind another one': secondPush,
    'a shutdown behind a push': shutdown,
    'a close that lingers': close,
    'an accept': accept,
    ...(context.capabilities.fullBacklogWaits ? { 'a connect to a full backlog': connect } : {}),
    'a pop of datagrams': popOnDatagrams,
    'a pop of a memory queue': popOnQueue,
    'a push to a rendezvous': pushOnRendezvous,
  };
}
