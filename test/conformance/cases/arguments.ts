// What is thrown at the call: nothing has happened then, and the message names the argument.

import { AF_INET, AF_INET6, SHUT_WR, SOCK_DGRAM, SOCK_STREAM, createLibOS, type QToken } from '../../../lib';
import { any, pattern, refuses, type Context } from '../context';

export function argumentCases(context: Context): void {
  const { capabilities } = context;
  const wrong = (value: unknown): never => value as never;

  test('socket', () => {
    const { os } = context;
    refuses(() => os.socket(99, SOCK_STREAM, 0), 'ENOTSUP', 'domain', '99');
    refuses(() => os.socket(AF_INET, 77, 0), 'ENOTSUP', 'type', '77');
    refuses(() => os.socket(AF_INET6, SOCK_STREAM, 17), 'ENOTSUP', 'protocol 17');
    for (const protocol of [-1, 0.5, 256, NaN]) refuses(() => os.socket(AF_INET, SOCK_DGRAM, protocol), 'EINVAL', 'protocol', String(protocol));
    refuses(() => os.socket(AF_INET + 2 ** 32, SOCK_STREAM, 0), 'ENOTSUP', 'domain');
    refuses(() => os.socket(wrong('inet'), SOCK_STREAM, 0), 'TypeError', 'domain');
    refuses(() => os.socket(AF_INET, wrong(null), 0), 'TypeError', 'type', 'null');
    refuses(() => os.socket(AF_INET, SOCK_STREAM, wrong('tcp')), 'TypeError', 'protocol');
  });

  test('bind', () => {
    const { os } = context;
    const qd = context.stream();
    refuses(() => os.bind(qd, 'localhost:80'), 'EINVAL', 'localhost');
    refuses(() => os.bind(qd, { address: 'localhost', port: 80 }), 'EINVAL', 'localhost');
    refuses(() => os.bind(qd, context.at(65536)), 'EINVAL', 'port', '65536');
    for (const port of [-1, 0.5, NaN, Infinity, 2 ** 53]) refuses(() => os.bind(qd, context.at(port)), 'EINVAL', 'port', String(port));
    refuses(() => os.bind(qd, ''), 'EINVAL', "''");
    refuses(() => os.bind(qd, wrong(null)), 'TypeError', 'addr', 'null');
    refuses(() => os.bind(qd, wrong({})), 'TypeError', 'address');
    refuses(() => os.bind(qd, wrong({ address: capabilities.address, port: '80' })), 'TypeError', 'port');
    refuses(() => os.bind(qd, wrong(80)), 'TypeError', 'addr');
    refuses(() => os.bind(qd, capabilities.family === 4 ? '[::1]:0' : '127.0.0.1:0'), 'EINVAL');
    refuses(() => os.bind(qd, { address: capabilities.foreignAddress, port: 0 }), 'EADDRNOTAVAIL', capabilities.foreignAddress);
    os.bind(qd, context.at(0));
    refuses(() => os.bind(qd, context.at(0)), 'EINVAL');
    refuses(() => os.bind(context.stream(), os.getsockname(qd)), 'EADDRINUSE', String(os.getsockname(qd).port));
    refuses(() => os.bind(context.queue(), context.at(0)), 'ENOTSUP');
  });

  test('listen and accept', async () => {
    const { os } = context;
    const qd = context.stream();
    refuses(() => os.listen(qd, 1), 'EDESTADDRREQ');
    os.bind(qd, context.at(0));
    refuses(() => os.listen(qd, -1), 'EINVAL', 'backlog', '-1');
    for (const backlog of [1.5, NaN, 65_536, 2 ** 31, 2 ** 53]) refuses(() => os.listen(qd, backlog), 'EINVAL', 'backlog', String(backlog));
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
    for (const size of [0, -1, 1.5, NaN, Infinity, 2 ** 53]) refuses(() => os.sgaalloc(size), 'EINVAL', 'size', String(size));
    refuses(() => os.sgaalloc(wrong('1')), 'TypeError', 'size');
    refuses(() => os.sgaalloc(2 ** 50), 'ENOMEM');
    refuses(() => os.sgafree(wrong({})), 'TypeError', 'sga');
    for (const capacity of [-1, 0.5, NaN, Infinity, 2 ** 53]) refuses(() => os.queue(capacity), 'EINVAL', 'capacity');
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
      (options) => any(os.pop(client, 1, options)),
      (options) => any(os.push(client, 'x', options)),
      (options) => any(os.accept(listener, options)),
      (options) => any(os.connect(context.stream(), os.getsockname(listener), options)),
      (options) => any(os.shutdown(client, SHUT_WR, options)),
      (options) => any(os.close(client, options)),
    ];
    for (const start of starts) {
      for (const options of [null, 5, 'fast', [], () => {}]) refuses(() => start(wrong(options)), 'TypeError', 'options');
      for (const timeout of [-1, NaN, Infinity]) refuses(() => start({ timeout }), 'EINVAL', 'timeout');
      refuses(() => start({ timeout: '1' }), 'TypeError', 'timeout');
      for (const deadline of [NaN, Infinity]) refuses(() => start({ deadline }), 'EINVAL', 'deadline');
      refuses(() => start({ deadline: new Date() }), 'TypeError', 'deadline');
      for (const signal of [1, 'abort', {}, null]) refuses(() => start({ signal }), 'TypeError', 'signal');
    }
    expect(os.pending()).toEqual([]);
  });

  test('the size and the options of a pop', () => {
    const { os } = context;
    const qd = context.queue();
    for (const options of [5, 'fast', [], null]) refuses(() => os.pop(qd, 1, wrong(options)), 'TypeError', 'options');
    for (const size of [true, 1n, () => {}]) refuses(() => os.pop(qd, wrong(size)), 'TypeError', 'size');
    expect(os.pending()).toEqual([]);
  });

  test('configurations', async () => {
    const config = context.config();
    for (const value of [undefined, null, config.libos, 5, [config]]) refuses(() => createLibOS(wrong(value)), 'TypeError', 'configuration');
    refuses(() => createLibOS(wrong({ ...config, libso: 1 })), 'EINVAL', "'libso'", "'libos'");
    refuses(() => createLibOS(wrong({ ...config, limits: { queue: 1 } })), 'EINVAL', "'limits.queue'", "'limits.queues'");
    refuses(() => createLibOS(wrong({ ...config, libos: 'lookback' })), 'EINVAL', "'lookback'", "'loopback'");
    for (const queues of [0, -1, 1.5, NaN, 2 ** 40]) refuses(() => createLibOS({ ...config, limits: { queues } }), 'EINVAL', 'limits.queues', String(queues));
    refuses(() => createLibOS({ ...config, limits: wrong({ tokens: '5' }) }), 'TypeError', 'limits.tokens', "'5'");
    await createLibOS(config).stop();
  });

  test('stop', async () => {
    const os = context.create();
    for (const options of [null, 5, 'now', []]) refuses(() => os.stop(wrong(options)), 'TypeError', 'options');
    for (const timeout of [-1, NaN, Infinity]) refuses(() => os.stop({ timeout }), 'EINVAL', 'timeout', String(timeout));
    refuses(() => os.stop({ deadline: NaN }), 'EINVAL', 'deadline');
    refuses(() => os.stop(wrong({ deadline: '5' })), 'TypeError', 'deadline');
    // None of these was a stop.
    await os.close(os.queue());
    await os.stop({ deadline: os.now() });
    refuses(() => os.queue(), 'EINVAL', 'stopped');
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
