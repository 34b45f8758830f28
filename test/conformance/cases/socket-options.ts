// Socket options: each does what it says, or is not there.

import {
  IPPROTO_TCP, SO_ERROR, SO_LINGER, SO_RCVBUF, SO_REUSEADDR, SO_SNDBUF, SO_TYPE, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET, TCP_NODELAY,
} from '../../../lib';
import { pattern, refuses, type Context } from '../context';

export function socketOptionCases(context: Context): void {
  test('SO_TYPE', () => {
    const { os } = context;
    expect(os.getsockopt(context.stream(), SOL_SOCKET, SO_TYPE)).toBe(SOCK_STREAM);
    expect(os.getsockopt(context.datagram(), SOL_SOCKET, SO_TYPE)).toBe(SOCK_DGRAM);
  });

  test('SO_LINGER', () => {
    const { os } = context;
    const qd = context.stream();
    expect(os.getsockopt(qd, SOL_SOCKET, SO_LINGER)).toMatchObject({ enabled: false });
    os.setsockopt(qd, SOL_SOCKET, SO_LINGER, { enabled: true, seconds: 3 });
    expect(os.getsockopt(qd, SOL_SOCKET, SO_LINGER)).toEqual({ enabled: true, seconds: 3 });
    refuses(() => os.setsockopt(qd, SOL_SOCKET, SO_LINGER, { enabled: true, seconds: -1 }), 'EINVAL', 'seconds');
    refuses(() => os.setsockopt(qd, SOL_SOCKET, SO_LINGER, 3), 'TypeError', 'SO_LINGER');
  });

  test('TCP_NODELAY', () => {
    const { os } = context;
    const qd = context.stream();
    for (const value of [true, false]) {
      os.setsockopt(qd, IPPROTO_TCP, TCP_NODELAY, value);
      expect(os.getsockopt(qd, IPPROTO_TCP, TCP_NODELAY)).toBe(value);
    }
    refuses(() => os.setsockopt(qd, IPPROTO_TCP, TCP_NODELAY, 'yes'), 'TypeError', 'TCP_NODELAY');
    refuses(() => os.setsockopt(context.datagram(), IPPROTO_TCP, TCP_NODELAY, true), 'ENOPROTOOPT', 'TCP_NODELAY');
    refuses(() => os.getsockopt(context.datagram(), IPPROTO_TCP, TCP_NODELAY), 'ENOPROTOOPT', 'TCP_NODELAY');
  });

  test('SO_SNDBUF and SO_RCVBUF bound what is on its way', async () => {
    const { os } = context;
    const [client, server] = await context.pair();
    os.setsockopt(client, SOL_SOCKET, SO_SNDBUF, 16_384);
    os.setsockopt(server, SOL_SOCKET, SO_RCVBUF, 16_384);
    expect(os.getsockopt(client, SOL_SOCKET, SO_SNDBUF)).toBeGreaterThanOrEqual(16_384);
    const data = pattern(1024 * 1024);
    const pushing = os.push(client, data);
    expect(pushing.done).toBe(false);
    expect((await context.read(server, data.length)).equals(data)).toBe(true);
    await pushing;
  });

  test('SO_REUSEADDR', () => {
    const { os } = context;
    const qd = context.stream();
    os.setsockopt(qd, SOL_SOCKET, SO_REUSEADDR, true);
    expect(os.getsockopt(qd, SOL_SOCKET, SO_REUSEADDR)).toBe(true);
  });

  test('SO_ERROR is read once', async () => {
    const { os } = context;
    const [client, server] = await context.pair();
    expect(os.getsockopt(client, SOL_SOCKET, SO_ERROR)).toBe(0);
    os.setsockopt(server, SOL_SOCKET, SO_LINGER, { enabled: true, seconds: 0 });
    await os.close(server);
    await context.delivered();
    expect(os.getsockopt(client, SOL_SOCKET, SO_ERROR)).toBe(104);
    expect(os.getsockopt(client, SOL_SOCKET, SO_ERROR)).toBe(0);
    refuses(() => os.setsockopt(client, SOL_SOCKET, SO_ERROR, 0), 'ENOPROTOOPT', 'SO_ERROR');
  });

  test('what there is not', () => {
    const { os } = context;
    const qd = context.stream();
    refuses(() => os.getsockopt(qd, SOL_SOCKET, 9999), 'ENOPROTOOPT', '9999');
    refuses(() => os.setsockopt(qd, 4242, 1, 1), 'ENOPROTOOPT', '4242');
    refuses(() => os.getsockopt(qd, -1, 1), 'EINVAL', 'level');
    refuses(() => os.getsockopt(qd, 1, 1.5), 'EINVAL', 'name');
    refuses(() => os.getsockopt(qd, 'x' as unknown as number, 1), 'TypeError', 'level');
    refuses(() => os.getsockopt(context.queue(), SOL_SOCKET, SO_LINGER), 'ENOPROTOOPT', 'SO_LINGER');
  });
}
