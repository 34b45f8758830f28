// catpowder on in-memory switches: libOSes of one thread that reach one another through our own TCP/IP, captures, and what cannot be.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { AF_INET, AF_INET6, IPPROTO_TCP, SHUT_WR, SO_KEEPALIVE, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET, TCP_CONGESTION, TCP_INFO, TCP_MAXSEG, createLibOS, demi_fini, demi_init, type InetConfig, type LibOS, type TcpInfo } from '../../lib';
import { nextTurn, pattern, thrownBy } from '../conformance/context';

let hubs = 0;
const started: LibOS[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((os) => os.stop()));
});

function plugIn(hub: string, inet: InetConfig): LibOS {
  const os = createLibOS({ libos: 'catpowder', device: { hub }, inet });
  started.push(os);
  return os;
}
/** Two of them on one link: 10.77.0.1 and 10.77.0.2. */
function link(more: InetConfig = {}): [one: LibOS, two: LibOS] {
  const hub = `hub-${++hubs}`;
  return [plugIn(hub, { addresses: ['10.77.0.1/24'], ...more }), plugIn(hub, { addresses: ['10.77.0.2/24'], ...more })];
}
async function connect(one: LibOS, two: LibOS): Promise<[client: number, server: number]> {
  const listener = two.socket(AF_INET, SOCK_STREAM);
  two.bind(listener, '10.77.0.2:80');
  two.listen(listener, 4);
  const accepting = two.accept(listener);
  const client = one.socket(AF_INET, SOCK_STREAM);
  await one.connect(client, '10.77.0.2:80');
  const { newQd } = await accepting;
  await two.close(listener);
  return [client, newQd];
}
async function readAll(os: LibOS, qd: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const sga of os.pops(qd)) parts.push(sga.toBuffer());
  return Buffer.concat(parts);
}

test('a route without a router: hosts of different networks on one link; and what the stack was told about TCP and ARP', async () => {
  const hub = `hub-${++hubs}`;
  const more: InetConfig = { routes: [{ to: '0.0.0.0/0' }], tcp: { mss: 500, keepalive: true }, neighborDiscovery: { requests: 2, retryMs: 5 } };
  const one = plugIn(hub, { addresses: ['10.77.0.1/32'], ...more });
  const two = plugIn(hub, { addresses: ['198.51.100.2/32'], ...more });
  const listener = two.socket(AF_INET, SOCK_STREAM);
  two.bind(listener, '198.51.100.2:80');
  two.listen(listener, 4);
  const accepting = two.accept(listener);
  const client = one.socket(AF_INET, SOCK_STREAM);
  await one.connect(client, '198.51.100.2:80');
  const { newQd } = await accepting;
  expect(one.getsockopt(client, SOL_SOCKET, SO_KEEPALIVE)).toBe(true);
  // Without the 12 bytes of the timestamps, or with them.
  expect([488, 500]).toContain(one.getsockopt(client, IPPROTO_TCP, TCP_MAXSEG));
  const sent = pattern(100_000, 3);
  one.push(client, sent).catch(() => {});
  void one.close(client);
  expect((await readAll(two, newQd)).equals(sent)).toBe(true);
  // Nobody is there, and so much is known after two requests.
  const lost = one.socket(AF_INET, SOCK_STREAM);
  await expect(one.connect(lost, '203.0.113.9:80')).rejects.toMatchObject({ code: 'EHOSTUNREACH' });
});

test('a burst of pushes is on its way before the event loop has a turn', async () => {
  const [one, two] = link();
  const [client, server] = await connect(one, two);
  const framesOut = (): number => one.stats().network?.stack['framesOut'] ?? NaN;
  await nextTurn();
  const before = framesOut();
  for (let i = 0; i < 31; ++i) one.push(client, 'x');
  expect(framesOut()).toBe(before);
  one.push(client, 'x');
  expect(framesOut()).toBeGreaterThan(before);
  one.shutdown(client, 1);
  expect((await readAll(two, server)).toString()).toBe('x'.repeat(32));
});

test('an answer is on its way when its sender listens again', async () => {
  const [one, two] = link();
  const [client, server] = await connect(one, two);
  const framesOut = (): number => two.stats().network?.stack['framesOut'] ?? NaN;
  const popping = two.pop(server);
  one.push(client, 'question');
  const asked = two.wait(popping);
  if (asked.opcode === 'pop') asked.sga.free();
  const before = framesOut();
  two.push(server, 'ans');
  two.push(server, 'wer');
  expect(framesOut()).toBe(before);
  two.pop(server).catch(() => {});
  expect(framesOut()).toBe(before + 1);
  two.shutdown(server, 1);
  expect((await readAll(one, client)).toString()).toBe('answer');
});

test('a megabyte each way, and the end of it', async () => {
  const [one, two] = link();
  const [client, server] = await connect(one, two);
  expect(two.getpeername(server)).toEqual(one.getsockname(client));
  expect(one.getsockname(client).address).toBe('10.77.0.1');
  const there = pattern(1024 * 1024, 1);
  const back = pattern(1024 * 1024, 2);
  one.push(client, there).then(() => one.shutdown(client, 1), () => {});
  two.push(server, back).then(() => two.shutdown(server, 1), () => {});
  const [received, answered] = await Promise.all([readAll(two, server), readAll(one, client)]);
  expect(received.equals(there)).toBe(true);
  expect(answered.equals(back)).toBe(true);
  // The ends may have crossed: that its own was heard, each hears with its next turn.
  await nextTurn();
  const info = one.getsockopt(client, IPPROTO_TCP, TCP_INFO) as TcpInfo;
  expect(info).toMatchObject({ sndMss: 1448, bytesReceived: back.length, totalRetrans: 0 });
  expect(['TIME_WAIT', 'CLOSED']).toContain(info.state);
});

test('waiting on one lets the other make progress', async () => {
  const [one, two] = link();
  const [client, server] = await connect(one, two);
  const pushing = one.push(client, pattern(3 * 1024 * 1024));
  let received = 0;
  while (received < 3 * 1024 * 1024) {
    const result = two.wait(two.pop(server), 1000);
    if (result.opcode !== 'pop') throw result.error;
    received += result.sga.byteLength;
    result.sga.free();
  }
  expect(one.wait(pushing).opcode).toBe('push');
});

test('a push that nobody waits for leaves with the next turn of the loop', async () => {
  const [one, two] = link();
  const socket = two.socket(AF_INET, SOCK_DGRAM);
  two.bind(socket, '10.77.0.2:53');
  const from = one.socket(AF_INET, SOCK_DGRAM);
  one.pushto(from, 'first', '10.77.0.2:53');
  for (let turn = 0; turn < 10; ++turn) await nextTurn();
  const popping = two.pop(socket);
  expect(popping.done).toBe(true);
  (await popping).sga.free();
});

test('many libOSes share a hub, and hubs are apart', async () => {
  const hub = `hub-${++hubs}`;
  const many = Array.from({ length: 8 }, (_, i) => plugIn(hub, { addresses: [`10.77.0.${i + 1}/24`] }));
  const elsewhere = plugIn(`${hub}-other`, { addresses: ['10.77.0.1/24'] });
  const sockets = many.map((os, i) => {
    const qd = os.socket(AF_INET, SOCK_DGRAM);
    os.bind(qd, `10.77.0.${i + 1}:7`);
    return qd;
  });
  many.forEach((os, i) => os.pushto(sockets[i], `from ${i}`, `10.77.0.${((i + 1) % 8) + 1}:7`));
  for (let i = 0; i < 8; ++i) {
    const { sga, from } = await many[(i + 1) % 8].pop(sockets[(i + 1) % 8]);
    expect(sga.toBuffer().toString()).toBe(`from ${i}`);
    expect(from).toEqual({ address: `10.77.0.${i + 1}`, port: 7 });
    sga.free();
  }
  const lost = elsewhere.socket(AF_INET, SOCK_STREAM);
  await expect(elsewhere.connect(lost, '10.77.0.2:7', { timeout: 50 })).rejects.toMatchObject({ code: 'ETIMEDOUT' });
});

test('a libOS without an address takes one for itself', async () => {
  const hub = `hub-${++hubs}`;
  const [one, two] = [plugIn(hub, {}), plugIn(hub, {})];
  const [address] = two.info().config.inet?.addresses ?? [];
  expect(address).toMatch(/^169\.254\.\d+\.\d+\/16$/);
  const socket = two.socket(AF_INET, SOCK_DGRAM);
  two.bind(socket, '0.0.0.0:9');
  one.pushto(one.socket(AF_INET, SOCK_DGRAM), 'x', { address: address.split('/')[0], port: 9 });
  (await two.pop(socket)).sga.free();
});

test('what can be chosen about TCP holds', async () => {
  const [one, two] = link({ mtu: 600, tcp: { congestion: 'newreno', sack: false, timestamps: false } });
  const [client] = await connect(one, two);
  expect(one.getsockopt(client, IPPROTO_TCP, TCP_CONGESTION)).toBe('reno');
  expect(one.getsockopt(client, IPPROTO_TCP, TCP_INFO)).toMatchObject({ sndMss: 560 });
});

test('counters of the stack', async () => {
  const [one, two] = link();
  await connect(one, two);
  const { network } = one.stats();
  expect(network?.tcp).toMatchObject({ activeOpens: 1, passiveOpens: 0 });
  expect(network?.stack['framesOut']).toBeGreaterThan(2);
  expect(network?.stack['tcpBadChecksum']).toBe(0);
});

test('what cannot be, and what to do about it', () => {
  const hub = `hub-${++hubs}`;
  plugIn(hub, { addresses: ['10.77.0.1/24'] });
  const refusal = (inet: InetConfig): string => {
    const error = thrownBy(() => plugIn(hub, inet));
    expect(error).toMatchObject({ code: 'EINVAL', syscall: 'createLibOS' });
    return error.message;
  };
  expect(refusal({ addresses: ['10.77.0.1/24'] })).toContain('already: give this one another, or another IP address');
  expect(refusal({ addresses: ['10.77.0.2/24'], mtu: 9000 })).toContain('has an MTU of 1500 bytes');
  expect(refusal({ addresses: ['10.77.0.0/24'] })).toContain('take one in between');
  expect(refusal({ addresses: ['10.77.0.2/0'] })).toContain('has no prefix');
  expect(refusal({ addresses: ['10.77.0.2/24', '10.77.0.3/16'] })).toContain('overlap');
  expect(refusal({ addresses: ['10.77.0.2/24'], gateway: '10.78.0.1' })).toContain('which is on no network of ours');
  expect(refusal({ addresses: ['10.77.0.2/24'], routes: [{ to: '10.1.0.0/16', via: '10.77.0.1' }, { to: '10.1.0.0/16', via: '10.77.0.9' }] })).toContain('is there twice');
  const os = plugIn(hub, { addresses: ['10.77.0.4/24'] });
  expect(thrownBy(() => os.socket(AF_INET6, SOCK_STREAM))).toMatchObject({ code: 'ENOTSUP' });
});

test('as the default libOS', async () => {
  const os = demi_init({ libos: 'catpowder' });
  expect(os.info().libos).toBe('catpowder');
  await demi_fini();
});

describe('captures', () => {
  const folder = mkdtempSync(join(tmpdir(), 'demi-pcap-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const PROGRAM = `
    const { AF_INET, SOCK_STREAM, createLibOS } = require(${JSON.stringify(join(__dirname, '..', '..', 'dist'))});
    (async () => {
      const [one, two] = [1, 2].map((n) => createLibOS({ libos: 'catpowder', device: { hub: 'h' }, inet: { addresses: ['10.77.0.' + n + '/24'] } }));
      const listener = two.socket(AF_INET, SOCK_STREAM);
      two.bind(listener, '10.77.0.2:80');
      two.listen(listener, 1);
      const client = one.socket(AF_INET, SOCK_STREAM);
      const accepting = two.accept(listener);
      await one.connect(client, '10.77.0.2:80');
      const { newQd } = await accepting;
      await one.push(client, 'x'.repeat(5000));
      await one.close(client);
      let bytes = 0;
      for await (const sga of two.pops(newQd)) bytes += sga.byteLength;
      await two.close(newQd);
      while (two.stats().closing > 0) await new Promise((resolve) => setImmediate(resolve));
      await Promise.all([one.stop(), two.stop()]);
      console.log(bytes);
    })();`;

  const hasTshark = spawnSync('tshark', ['--version']).status === 0;
  const required = process.env['DEMI_REQUIRE_ALL'] === '1';
  (hasTshark || required ? test : test.skip)('are read by tshark, which finds nothing wrong', () => {
    const file = join(folder, 'capture.pcap');
    const before = Date.now();
    const ran = spawnSync(process.execPath, ['-e', PROGRAM], { env: { ...process.env, DEMI_PCAP: file }, encoding: 'utf8', timeout: 30_000 });
    expect(ran).toMatchObject({ status: 0, stdout: '5000\n', stderr: '' });
    for (const captured of [file, join(folder, 'capture.2.pcap')]) {
      expect(existsSync(captured)).toBe(true);
      const read = (...args: string[]): string => {
        const { status, stdout, stderr } = spawnSync('tshark', ['-r', captured, '-o', 'tcp.check_checksum:TRUE', '-o', 'ip.check_checksum:TRUE', ...args], { encoding: 'utf8' });
        if (status !== 0) throw new Error(stderr);
        return stdout.trim();
      };
      const segments = read('-Y', 'tcp', '-T', 'fields', '-e', 'frame.time_epoch', '-e', 'tcp.flags.str', '-e', 'tcp.len').split('\n').map((line) => line.split('\t'));
      expect(segments.length).toBeGreaterThan(8);
      // Nanoseconds of the calendar.
      expect(segments[0][0]).toMatch(/^\d+\.\d{9}$/);
      expect(Math.abs(Number(segments[0][0]) * 1000 - before)).toBeLessThan(60_000);
      expect(segments.reduce((sum, [, , length]) => sum + Number(length), 0)).toBe(5000);
      expect(segments.filter(([, flags]) => flags.includes('S'))).toHaveLength(2);
      expect(segments.filter(([, flags]) => flags.includes('F'))).toHaveLength(2);
      // No bad checksum, no malformed packet, no retransmission, no window violation; that a connection ends is only a "Note".
      expect(read('-Y', '_ws.expert.severity >= "Warning" || tcp.analysis.flags || _ws.malformed || tcp.checksum.status == "Bad" || ip.checksum.status == "Bad"')).toBe('');
    }
  });

  test('a file that cannot be written is told', () => {
    const ran = spawnSync(process.execPath, ['-e', PROGRAM], { env: { ...process.env, DEMI_PCAP: join(folder, 'not', 'there') }, encoding: 'utf8', timeout: 30_000 });
    expect(ran.status).not.toBe(0);
    expect(ran.stderr).toContain('cannot be written: ENOENT');
  });
});

test('datagrams that are too large to be staged wait for room in the queue of the device', async () => {
  const [one, two] = link({ mtu: 9000 });
  const [from, to] = [one.socket(AF_INET, SOCK_DGRAM), two.socket(AF_INET, SOCK_DGRAM)];
  two.bind(to, '10.77.0.2:53');
  one.pushto(from, 'who is there', '10.77.0.2:53');
  (await two.pop(to)).sga.free();
  // All in one turn, so that the queue is full and most of them wait with their bytes gathered.
  const pushes = Array.from({ length: 5000 }, (_, i) => one.pushto(from, new Uint8Array(5000).fill(i), '10.77.0.2:53'));
  expect((await Promise.all(pushes)).every(({ opcode }) => opcode === 'push')).toBe(true);
  const { sga } = await two.pop(to);
  expect([...new Set(sga.toBuffer())]).toHaveLength(1);
  expect(sga.byteLength).toBe(5000);
  sga.free();
});

test('large pushes of one turn leave within their calls, when there is a burst of them', async () => {
  const [one, two] = link();
  const [client, server] = await connect(one, two);
  const receiving = readAll(two, server);
  for (let i = 0; i < 20; ++i) await one.push(client, pattern(60_000, i));
  await one.push(client, pattern(1000), { completion: 'acked' });
  const framesOut = (): number => (one.stats().network as Record<string, Record<string, number>>)['stack']['framesOut'];
  const before = framesOut();
  for (let i = 0; i < 64; ++i) one.push(client, pattern(3000, i));
  expect(framesOut() - before).toBeGreaterThanOrEqual(32);
  await one.shutdown(client, SHUT_WR);
  expect((await receiving).length).toBe(20 * 60_000 + 1000 + 64 * 3000);
});

test.each([2, 4, 8])('more to be sent than %i MiB of memory can hold leaves enough of it for acknowledgments', async (mebibytes) => {
  const hub = `hub-${++hubs}`;
  const limits = { bufferBytes: mebibytes * 2 ** 20 };
  const [one, two] = ['10.77.0.1/24', '10.77.0.2/24'].map((own) => createLibOS({ libos: 'catpowder', device: { hub }, inet: { addresses: [own] }, limits }));
  started.push(one, two);
  const sent = pattern(1_500_000, mebibytes);
  const flows = [];
  for (let i = 0; i < 10; ++i) {
    const [client, server] = await connect(one, two);
    flows.push(readAll(two, server));
    void one.push(client, sent).then(() => one.shutdown(client, SHUT_WR));
  }
  for (const received of await Promise.all(flows)) expect(received.equals(sent)).toBe(true);
}, 60_000);
