// Every error code that a call or a token of the API can end with, each provoked once. What a libOS cannot be brought to is named here, too.

import {
  SHUT_RD, SHUT_WR, SOCK_STREAM, SOL_SOCKET, SO_LINGER, SO_SNDBUF, DemiError, type ErrorCode,
} from '../../../lib';
import { any, fails, pattern, thrownBy, type Context } from '../context';

/** What the error is thrown by. */
type Provocation = () => unknown;
/** The token that fails. */
type Failing = { qt: unknown };

export function errorCases(context: Context): void {
  const { capabilities } = context;
  const reset = async (): Promise<number> => {
    const { os } = context;
    const [client, server] = await context.pair();
    os.setsockopt(server, SOL_SOCKET, SO_LINGER, { enabled: true, seconds: 0 });
    await os.close(server);
    await context.delivered();
    return client;
  };

  const thrown: Partial<Record<ErrorCode, () => Provocation | Promise<Provocation>>> = {
    EADDRINUSE: () => {
      const taken = context.os.getsockname(context.listener());
      return () => context.os.bind(context.serverStream(), taken);
    },
    EADDRNOTAVAIL: () => () => context.os.bind(context.stream(), { address: capabilities.foreignAddress, port: 0 }),
    EAGAIN: () => {
      context.limited({ tokens: 1 });
      const qd = context.queue();
      context.os.pop(qd);
      return () => context.os.pop(qd);
    },
    EBADF: () => () => context.os.pop(1),
    EDEADLK: () => () => context.os.wait(context.os.pop(context.queue())),
    EDESTADDRREQ: () => () => context.os.listen(context.stream(), 1),
    EEXIST: () => {
      context.track(context.os.createPipe('taken'));
      return () => context.os.createPipe('taken');
    },
    EALREADY: async () => {
      const listener = context.listener(1);
      const name = context.os.getsockname(listener);
      await context.os.connect(context.stream(), name);
      const late = context.stream();
      context.os.connect(late, name).catch(() => {});
      return () => context.os.connect(late, name);
    },
    EINVAL: () => () => context.os.accept(context.stream()),
    EISCONN: async () => {
      const [client] = await context.pair();
      return () => context.os.connect(client, context.at(9));
    },
    EMFILE: () => {
      context.limited({ queues: 1 });
      context.queue();
      return () => context.queue();
    },
    EMSGSIZE: () => () => context.os.pushto(context.datagram(), pattern(65_536), context.at(9)),
    ENOENT: () => () => context.os.openPipe('not there'),
    ENOMEM: () => () => context.os.sgaalloc(2 ** 40),
    ENOPROTOOPT: () => () => context.os.getsockopt(context.queue(), SOL_SOCKET, SO_SNDBUF),
    ENOTCONN: () => () => context.os.push(context.stream(), 'x'),
    ENOTSUP: () => () => context.os.socket(context.domain, SOCK_STREAM, 17),
    EPIPE: async () => {
      const [client] = await context.pair();
      await context.os.shutdown(client, SHUT_WR);
      return () => context.os.push(client, 'x');
    },
  };

  // Each in an object: a token that an async function returned would be awaited.
  const through: Partial<Record<ErrorCode, () => Failing | Promise<Failing>>> = {
    ECANCELED: () => {
      const qt = context.os.pop(context.queue());
      context.os.cancel(any(qt));
      return { qt };
    },
    ECONNREFUSED: async () => {
      const listener = context.listener();
      const name = context.os.getsockname(listener);
      await context.os.close(listener);
      return { qt: context.os.connect(context.stream(), name) };
    },
    ECONNRESET: async () => ({ qt: context.os.pop(await reset()) }),
    EFAULT: async () => {
      const [client, server] = await context.pair();
      const bytes = pattern(4 * 1024 * 1024);
      const qt = context.os.push(client, bytes);
      structuredClone(bytes.buffer, { transfer: [bytes.buffer as ArrayBuffer] });
      await context.read(server, 1);
      await context.os.shutdown(server, SHUT_RD);
      return { qt };
    },
    EMFILE: async () => {
      context.limited({ queues: 2 });
      const listener = context.listener();
      await context.os.connect(context.stream(), context.os.getsockname(listener));
      return { qt: context.os.accept(listener) };
    },
    ...(capabilities.hasNetwork
      ? {
          EHOSTUNREACH: () => ({ qt: context.os.connect(context.stream(), { address: capabilities.unreachableAddress as string, port: 9 }) }),
          ENETUNREACH: () => ({ qt: context.os.connect(context.stream(), { address: capabilities.foreignAddress, port: 9 }) }),
        }
      : {}),
    EPIPE: async () => {
      const client = await reset();
      await context.os.push(client, 'the reset is reported first').catch(() => {});
      return { qt: context.os.push(client, 'x') };
    },
    ETIMEDOUT: () => ({ qt: context.os.pop(context.queue(), { timeout: 1 }) }),
  };

  const impossible = new Set<ErrorCode>();
  if (!capabilities.detectsDeadlock) impossible.add('EDEADLK');
  if (!capabilities.fullBacklogWaits) impossible.add('EALREADY');
  if (!capabilities.hasNetwork) for (const code of ['EHOSTUNREACH', 'ENETUNREACH'] as const) impossible.add(code);
  // It takes a device that is switched off: test/integration/catpowder-interfaces.test.ts does that.
  impossible.add('ENETDOWN');

  test.each(Object.keys(thrown).filter((code) => !impossible.has(code as ErrorCode)))('%s at the call', async (code) => {
    const provoke = await thrown[code as ErrorCode]?.();
    const error = thrownBy(provoke as Provocation);
    if (!(error instanceof DemiError)) throw error;
    expect(error.code).toBe(code);
    expect(error.errno).toBeLessThan(0);
    expect(error.syscall).toMatch(/^[a-zA-Z]+$/);
    // In plain words, and not with a code alone.
    expect(error.message.length).toBeGreaterThan(`${code}: , ${error.syscall}`.length + 5);
  });

  test.each(Object.keys(through))('%s through the token', async (code) => {
    const qt = any((await through[code as ErrorCode]?.())?.qt);
    const error = await fails(qt, code);
    expect(error).toMatchObject({ syscall: qt.opcode, qd: qt.qd });
  });

  // The list of api.md. Whoever adds an error adds its case.
  test('no error is left out', () => {
    const documented = [
      'EADDRINUSE', 'EADDRNOTAVAIL', 'EAGAIN', 'EALREADY', 'EBADF', 'ECANCELED', 'ECONNREFUSED', 'ECONNRESET', 'EDEADLK', 'EDESTADDRREQ', 'EEXIST',
      'EFAULT', 'EHOSTUNREACH', 'EINVAL', 'EISCONN', 'EMFILE', 'EMSGSIZE', 'ENETDOWN', 'ENETUNREACH', 'ENOENT', 'ENOMEM', 'ENOPROTOOPT', 'ENOTCONN',
      'ENOTSUP', 'EPIPE', 'ETIMEDOUT',
    ];
    expect([...new Set([...Object.keys(thrown), ...Object.keys(through), ...impossible])].sort()).toEqual(documented);
  });
}
