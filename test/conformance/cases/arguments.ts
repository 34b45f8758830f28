// What is thrown at the call: nothing has happened then, and the message names the argument.

import { AF_INET, AF_INET6, SHUT_WR, SOCK_DGRAM, SOCK_STREAM, type QToken } from '../../../lib';
import { any, pattern, refuses, type Context } from '../context';

export function argumentCases(context: Context): void {
  const { capabilities } = context;
  const wrong = (value: unknown): never => value as never;

  test('socket', () => {
    const { os } = context;
    refuses(() => os.socket(99, SOCK_STREAM, 0), 'ENOTSUP', 'domain', '99');
    refuses(() => os.socket(AF_INET, 77, 0), 'ENOTSUP', 'type', '77');
    refuses(() => os.socket(AF_INET6, SOCK_STREAM, 17), 'ENOTSUP', 'protocol 17');
    refuses(() => os.socket(AF_INET, SOCK_DGRAM, -1), 'EINVAL', 'protocol', '-1');
    refuses(() => os.socket(wrong('inet'), SOCK_STREAM, 0), 'TypeError', 'domain');
    refuses(() => os.socket(AF_INET, wrong(null), 0), 'TypeError', 'type', 'null');
    refuses(() => os.socket(AF_INET, SOCK_STREAM, wrong('tcp')), 'TypeError', 'protocol');
  });

  test('listen and accept', async () => {
    const { os } = context;
    const qd = context.stream();
    refuses(() => os.listen(qd, 1), 'EDESTADDRREQ');
    os.bind(qd, context.at(0));
    refuses(() => os.listen(qd, -1), 'EINVAL', 'backlog', '-1');
    refuses(() => os.listen(qd, 1.5), 'EINVAL', 'backlog');
    refuses(() => os.listen(qd, wrong('1')), 'TypeError', 'backlog');
    refuses(() => os.accept(qd), 'EINVAL', 'listen');
    refuses(() => os.listen(context.datagram(), 1), 'ENOTSUP');
    refuses(() => os.accept(context.queue()), 'EINVAL');
    const [client] = await context.pair();
    refuses(() => os.listen(client, 1), 'EISCONN');
    refuses(() => os.accept(client), 'EINVAL', 'listen');
  });

  test('connect', async () => {
    const { os } = context;
    const [client] = await context.pair();
    const listener = context.listener(1);
    const name = os.getsockname(listener);
    refuses(() => os.connect(client, name), 'EISCONN', String(name.port));
    refuses(() => os.connect(listener, name), 'EISCONN');
    const fresh = context.stream();
    refuses(() => os.connect(fresh, context.at(0)), 'EINVAL');
    refuses(() => os.connect(fresh, capabilities.family === 4 ? '0.0.0.0:1' : '[::]:1'), 'EINVAL');
    refuses(() => os.connect(fresh, capabilities.family === 4 ? '[::1]:1' : '127.0.0.1:1'), 'EINVAL');
    refuses(() => os.connect(fresh, 'demi.example:80'), 'EINVAL', 'demi.example');
    refuses(() => os.connect(fresh, wrong(undefined)), 'TypeError', 'addr');
    refuses(() => os.connect(context.queue(), name), 'ENOTSUP');
    if (!capabilities.fullBacklogWaits) return;
    await os.connect(fresh, name);
    const waiting = context.stream();
    const connecting = os.connect(waiting, name);
    refuses(() => os.connect(waiting, name), 'EALREADY');
    os.cancel(any(connecting));
  });

  test('push and pushto', async () => {
    const { os } = context;
    const [client, server] = await context.pair();
    refuses(() => os.push(client, ''), 'EINVAL', 'data');
    refuses(() => os.push(client, new Uint8Array(0)), 'EINVAL', 'data');
    refuses(() => os.push(context.queue(), ''), 'EINVAL', 'data');
    for (const value of [undefined, null, 1, {}, [1], new ArrayBuffer(1), new Uint16Array(1)]) {
      refuses(() => os.push(client, wrong(value)), 'TypeError', 'data');
    }
    refuses(() => os.push(context.stream(), 'x'), 'ENOTCONN');
    refuses(() => os.push(context.datagram(), 'x'), 'ENOTCONN');
    refuses(() => os.push(context.listener(), 'x'), 'ENOTCONN');
    refuses(() => os.pushto(client, 'x', context.at(9)), 'ENOTSUP');
    refuses(() => os.pushto(context.queue(), 'x', context.at(9)), 'ENOTSUP');
    refuses(() => os.pushto(context.datagram(), 'x', wrong(9)), 'TypeError', 'addr');
    refuses(() => os.pushto(context.datagram(), 'x', context.at(0)), 'EINVAL');
    refuses(() => os.pushto(context.datagram(), pattern(70_000), context.at(9)), 'EMSGSIZE');
    refuses(() => os.push(client, 'x', wrong({ completion: 'sent' })), 'EINVAL', 'completion', 'sent');
    refuses(() => os.push(client, 'x', wrong({ completion: 1 })), 'TypeError', 'completion');
    await os.shutdown(client, SHUT_WR);
    refuses(() => os.push(client, 'x'), 'EPIPE');
    const { sga } = await os.pop(server);
    expect(sga.byteLength).toBe(0);
    sga.free();
  });

  test('pop and shutdown', async () => {
    const { os } = context;
    const [client] = await context.pair();
    for (const size of [0, -1, 1.5, NaN, Infinity, 2 ** 31]) refuses(() => os.pop(client, size), 'EINVAL', 'size');
    refuses(() => os.pop(client, wrong('1')), 'TypeError', 'size');
    refuses(() => os.pop(context.stream()), 'ENOTCONN');
    refuses(() => os.pop(context.listener()), 'ENOTCONN');
    refuses(() => os.shutdown(client, 3), 'EINVAL', 'how', 'SHUT_RDWR');
    refuses(() => os.shutdown(client, wrong('wr')), 'TypeError', 'how');
    refuses(() => os.shutdown(context.stream(), SHUT_WR), 'ENOTCONN');
    refuses(() => os.shutdown(context.datagram(), SHUT_WR), 'ENOTCONN');
  });

  test('names', () => {
    const { os } = context;
    refuses(() => os.getpeername(context.stream()), 'ENOTCONN');
    refuses(() => os.getpeername(context.datagram()), 'ENOTCONN');
    refuses(() => os.getsockname(context.queue()), 'ENOTSUP');
    refuses(() => os.getpeername(context.queue()), 'ENOTSUP');
    const wildcard = capabilities.family === 4 ? '0.0.0.0' : '::';
    expect(os.getsockname(context.stream())).toEqual({ address: wildcard, port: 0 });
  });

  test('sgaalloc, sgafree, queue and pipes', () => {
    const { os } = context;
    for (const size of [0, -1, 1.5, NaN]) refuses(() => os.sgaalloc(size), 'EINVAL', 'size');
    refuses(() => os.sgaalloc(wrong('1')), 'TypeError', 'size');
    refuses(() => os.sgaalloc(2 ** 50), 'ENOMEM');
    refuses(() => os.sgafree(wrong({})), 'TypeError', 'sga');
    for (const capacity of [-1, 0.5, NaN]) refuses(() => os.queue(capacity), 'EINVAL', 'capacity');
    refuses(() => os.queue(wrong('1')), 'TypeError', 'capacity');
    refuses(() => os.createPipe(''), 'EINVAL', 'name');
    refuses(() => os.openPipe('x'.repeat(256)), 'EINVAL', 'name');
    refuses(() => os.createPipe(wrong(1)), 'TypeError', 'name');
    refuses(() => os.openPipe('nobody'), 'ENOENT', 'nobody');
  });

  test('options of operations', async () => {
    const { os } = context;
    const [client] = await context.pair();
    const listener = context.listener();
    const starts: ((options: object) => QToken)[] = [
      (options) => any(os.pop(client, options)),
      (options) => any(os.push(client, 'x', options)),
      (options) => any(os.accept(listener, options)),
      (options) => any(os.connect(context.stream(), os.getsockname(listener), options)),
      (options) => any(os.shutdown(client, SHUT_WR, options)),
      (options) => any(os.close(client, options)),
    ];
    for (const start of starts) {
      refuses(() => start(wrong(null)), 'TypeError', 'options');
      for (const timeout of [-1, NaN, Infinity]) refuses(() => start({ timeout }), 'EINVAL', 'timeout');
      refuses(() => start({ timeout: '1' }), 'TypeError', 'timeout');
      for (const deadline of [NaN, Infinity]) refuses(() => start({ deadline }), 'EINVAL', 'deadline');
      refuses(() => start({ deadline: new Date() }), 'TypeError', 'deadline');
      for (const signal of [1, 'abort', {}, null]) refuses(() => start({ signal }), 'TypeError', 'signal');
    }
    expect(os.pending()).toEqual([]);
  });

  test('close and cancel', () => {
    const { os } = context;
    refuses(() => os.close(wrong(undefined)), 'TypeError', 'qd');
    refuses(() => os.close(wrong('x')), 'TypeError', 'qd');
    refuses(() => os.cancel(wrong({})), 'TypeError', 'qt');
    refuses(() => os.submit(wrong({})), 'TypeError', 'batch');
    refuses(() => os.submit(wrong([{ op: 'open' }])), 'TypeError', 'batch[0]');
    refuses(() => os.submit(wrong([null])), 'TypeError', 'batch[0]');
  });
}
