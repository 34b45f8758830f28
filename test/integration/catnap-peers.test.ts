// Catnap against peers that are not of ours: curl, nc, node:net, node:dgram; one that resets, one that stalls, one that vanishes.

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import {
  AF_INET, AF_INET6, SHUT_WR, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET, SO_RCVBUF, SO_SNDBUF, createLibOS, type Endpoint, type LibOS,
} from '../../lib';

const root = join(__dirname, '../..');
const onLinux = process.platform === 'linux';
// As in test/run.js, which installs them.
const has = (program: string): boolean =>
  spawnSync('sh', ['-c', program === 'nc' ? 'nc -h 2>&1 | grep -q OpenBSD' : `command -v ${program}`]).status === 0;
// Where everything must be checked a program that is missing is a failure: the test runs, and cannot find it.
const required = process.env['DEMI_REQUIRE_ALL'] === '1';
const testWith = (program: string): jest.It => (onLinux && (required || has(program)) ? test : test.skip);
const describeOnLinux = onLinux ? describe : describe.skip;
jest.setTimeout(60_000);

let os: LibOS;
beforeEach(() => {
  if (onLinux) os = createLibOS({ libos: 'catnap' });
});
afterEach(() => os?.stop({ timeout: 0 }));

const MEGABYTE = 1024 * 1024;
const sha = (): ReturnType<typeof createHash> => createHash('sha256');

function listening(address = '127.0.0.1'): number {
  const qd = os.socket(address.includes(':') ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
  os.bind(qd, { address, port: 0 });
  os.listen(qd, 16);
  return qd;
}

async function connected(to: Endpoint): Promise<number> {
  const qd = os.socket(to.address.includes(':') ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
  await os.connect(qd, to);
  return qd;
}

/** Everything up to the end of the stream. */
async function readAll(qd: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const sga of os.pops(qd)) parts.push(sga.toBuffer());
  return Buffer.concat(parts);
}

async function endOf(child: ChildProcess): Promise<{ status: number | null; out: string }> {
  let out = '';
  child.stdout!.on('data', (part) => (out += part));
  child.stderr!.on('data', (part) => (out += part));
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, out };
}

describeOnLinux('programs', () => {
  testWith('curl')('curl asks the HTTP example, twice over one connection, and with HEAD and POST', async () => {
    const server = spawn(process.execPath, [join(root, 'examples/run.js'), 'http', '127.0.0.1:0'], {
      env: { ...process.env, DEMI_LIBOS: 'catnap' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(server, 'close');
    try {
      const [line] = (await once(createInterface(server.stdout), 'line')) as [string];
      const url = /http:\S+\//.exec(line)![0];
      const curl = (...args: string[]) => endOf(spawn('curl', ['--silent', '--show-error', '--max-time', '20', ...args]));
      const twice = await curl('--write-out', '%{num_connects} ', `${url}one`, `${url}two`);
      expect(twice).toEqual({ status: 0, out: 'you asked for /one\n1 you asked for /two\n0 ' });
      expect((await curl('--head', `${url}head`)).out).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect((await curl('--data', 'x'.repeat(100_000), url)).out).toBe('POST is not understood here\n');
    } finally {
      server.kill('SIGINT');
      await ended;
    }
    expect(server.exitCode).toBe(0);
  });

  testWith('nc')('nc as the client: what it says comes back, and its end ends it', async () => {
    const listener = listening();
    const client = spawn('nc', ['-N', '127.0.0.1', `${os.getsockname(listener).port}`]);
    const ended = endOf(client);
    const { newQd } = await os.accept(listener);
    client.stdin.end('a line\n');
    for await (const sga of os.pops(newQd)) await os.push(newQd, sga);
    await os.close(newQd);
    expect(await ended).toEqual({ status: 0, out: 'a line\n' });
  });

  testWith('nc')('nc as the server', async () => {
    const free = listening();
    const { port } = os.getsockname(free);
    await os.close(free);
    const server = spawn('nc', ['-v', '-N', '-l', '127.0.0.1', `${port}`]);
    const ended = endOf(server);
    // With -v it says when it listens.
    await once(server.stderr, 'data');
    const qd = await connected({ address: '127.0.0.1', port });
    await os.push(qd, 'to the server\n');
    // With -N its end of input is the end of what it sends.
    server.stdin.end('to the client\n');
    expect((await readAll(qd)).toString()).toBe('to the client\n');
    await os.shutdown(qd, SHUT_WR);
    expect((await ended).out).toContain('to the server\n');
  });
});

describeOnLinux.each(['127.0.0.1', '::1'])('node:net at %s', (address) => {
  const sent = randomBytes(10 * MEGABYTE);
  const digest = sha().update(sent).digest('hex');

  /** Ten megabytes each way at the same time, each side with its end behind them. */
  async function exchange(qd: number, socket: Socket): Promise<void> {
    const theirs = sha();
    socket.on('data', (part) => theirs.update(part));
    const theirEnd = once(socket, 'end');
    socket.end(sent);
    const pushing = os.push(qd, sent);
    const shutting = os.shutdown(qd, SHUT_WR);
    const ours = sha();
    for await (const sga of os.pops(qd)) for (const segment of sga.segments) ours.update(segment);
    await Promise.all([pushing, shutting, theirEnd]);
    expect([ours.digest('hex'), theirs.digest('hex')]).toEqual([digest, digest]);
    await os.close(qd);
  }

  test('as the server', async () => {
    const server = createServer({ allowHalfOpen: true }).listen(0, address);
    await once(server, 'listening');
    const accepting = once(server, 'connection') as Promise<[Socket]>;
    const qd = await connected({ address, port: (server.address() as AddressInfo).port });
    const [socket] = await accepting;
    await exchange(qd, socket);
    server.close();
  });

  test('as the client', async () => {
    const listener = listening(address);
    const socket = connect({ host: address, port: os.getsockname(listener).port, allowHalfOpen: true });
    const { newQd } = await os.accept(listener);
    await exchange(newQd, socket);
  });

  test('one half closed, the answer comes on the other', async () => {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      const parts: Buffer[] = [];
      socket.on('data', (part) => parts.push(part));
      socket.on('end', () => socket.end(`you said ${Buffer.concat(parts).toString()}`));
    }).listen(0, address);
    await once(server, 'listening');
    const qd = await connected({ address, port: (server.address() as AddressInfo).port });
    await os.push(qd, 'everything');
    await os.shutdown(qd, SHUT_WR);
    expect((await readAll(qd)).toString()).toBe('you said everything');
    server.close();
  });
});

describeOnLinux('node:dgram', () => {
  /** As in DNS: an id of two bytes, then the question. */
  const question = (id: number, name: string): Buffer => Buffer.concat([Buffer.from([id >> 8, id & 0xff]), Buffer.from(name)]);

  test('asks, and the answers have the ids of their questions', async () => {
    const server = os.socket(AF_INET, SOCK_DGRAM, 0);
    os.bind(server, '127.0.0.1:0');
    const { port } = os.getsockname(server);
    const serving = (async () => {
      let served = 0;
      for await (const { sga, from } of os.datagrams(server)) {
        const asked = sga.toBuffer();
        await os.pushto(server, Buffer.concat([asked.subarray(0, 2), Buffer.from(`answer to ${asked.subarray(2).toString()}`)]), from);
        if (++served === 200) break;
      }
    })();
    const client = createSocket('udp4');
    const answers = new Map<number, string>();
    const all = new Promise<void>((resolve) =>
      client.on('message', (message) => {
        answers.set(message.readUInt16BE(0), message.subarray(2).toString());
        if (answers.size === 200) resolve();
      }),
    );
    for (let id = 0; id < 200; ++id) client.send(question(id, `host${id}`), port, '127.0.0.1');
    await Promise.all([serving, all]);
    expect([...answers].every(([id, answer]) => answer === `answer to host${id}`)).toBe(true);
    client.close();
  });

  test('answers what a connected socket asks', async () => {
    const server = createSocket('udp6').on('message', (message, { port, address }) => server.send(`<${message.toString()}>`, port, address));
    server.bind(0, '::1');
    await once(server, 'listening');
    const client = os.socket(AF_INET6, SOCK_DGRAM, 0);
    await os.connect(client, { address: '::1', port: server.address().port });
    os.push(client, 'question');
    const { sga } = await os.pop(client);
    expect(sga.toBuffer().toString()).toBe('<question>');
    sga.free();
    server.close();
  });
});

describeOnLinux('a peer that', () => {
  /** A connection whose far end is a socket of Node that reads nothing yet. */
  async function pair(bufferBytes?: number): Promise<[qd: number, socket: Socket]> {
    const listener = listening();
    if (bufferBytes !== undefined) for (const name of [SO_SNDBUF, SO_RCVBUF]) os.setsockopt(listener, SOL_SOCKET, name, bufferBytes);
    const socket = connect(os.getsockname(listener).port, '127.0.0.1').pause();
    socket.on('error', () => {});
    const { newQd } = await os.accept(listener);
    await os.close(listener);
    return [newQd, socket];
  }
  const code = (token: PromiseLike<unknown>): Promise<string> => Promise.resolve(token).then(() => 'ok', (error: { code: string }) => error.code);

  test('resets', async () => {
    const [qd, socket] = await pair();
    const popping = os.pop(qd);
    socket.resetAndDestroy();
    expect(await code(popping)).toBe('ECONNRESET');
    expect(await code(os.push(qd, 'x'))).toBe('EPIPE');
    await os.close(qd);
  });

  test('stalls: pushes wait, a deadline ends one, and the rest goes on', async () => {
    const [qd, socket] = await pair(64 * 1024);
    const first = os.push(qd, Buffer.alloc(8 * MEGABYTE, 'a'), { timeout: 200 });
    const second = os.push(qd, 'behind');
    const error = (await first.then(() => undefined, (failed: unknown) => failed)) as { code: string; bytesAccepted: number };
    expect(error.code).toBe('ETIMEDOUT');
    expect(error.bytesAccepted).toBeLessThan(8 * MEGABYTE);
    expect(second.done).toBe(false);
    let received = 0;
    let last = '';
    socket.on('data', (part) => {
      received += part.length;
      last = (last + part.toString('latin1')).slice(-6);
    });
    socket.resume();
    await second;
    await os.shutdown(qd, SHUT_WR);
    await once(socket, 'end');
    expect([received, last]).toEqual([error.bytesAccepted + 6, 'behind']);
  });
});

// --- A peer that vanishes: its machine is a namespace that loses its address, and answers nothing from then on ---

const testAsRoot = onLinux && process.getuid?.() === 0 && (required || has('ip')) ? test : test.skip;

describe('a peer that vanishes (needs root, for network namespaces)', () => {
  const near = `demi-near-${process.pid}`;
  const far = `demi-far-${process.pid}`;
  const ip = (...args: string[]): string => {
    const { status, stdout, stderr } = spawnSync('ip', args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`);
    return stdout;
  };
  const inNamespace = (name: string, script: string): ChildProcess =>
    spawn('ip', ['netns', 'exec', name, process.execPath, '-e', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  afterEach(() => {
    for (const name of [near, far]) spawnSync('ip', ['netns', 'del', name]);
  });

  testAsRoot('ends by ETIMEDOUT when TCP_USER_TIMEOUT or SO_KEEPALIVE say so', async () => {
    for (const name of [near, far]) ip('netns', 'add', name);
    ip('-n', near, 'link', 'add', 'near', 'type', 'veth', 'peer', 'name', 'far', 'netns', far);
    for (const [name, device, host] of [[near, 'near', 1], [far, 'far', 2]] as const) {
      ip('-n', name, 'addr', 'add', `10.77.0.${host}/24`, 'dev', device);
      ip('-n', name, 'link', 'set', device, 'up');
    }
    // A neighbour that is known for ever: otherwise its absence would be found out first, as EHOSTUNREACH.
    const mac = /link\/ether (\S+)/.exec(ip('-n', far, 'link', 'show', 'far'))![1];
    ip('-n', near, 'neigh', 'replace', '10.77.0.2', 'lladdr', mac, 'nud', 'permanent', 'dev', 'near');

    const server = inNamespace(far, `require('node:net').createServer(() => {}).listen(80, '10.77.0.2', () => console.log('ready'))`);
    await once(server.stdout!, 'data');
    const client = inNamespace(
      near,
      `const d = require(${JSON.stringify(root)});
      (async () => {
        const os = d.createLibOS({ libos: 'catnap' });
        const connected = async () => { const qd = os.socket(d.AF_INET, d.SOCK_STREAM, 0); await os.connect(qd, '10.77.0.2:80'); return qd; };
        const sending = await connected();
        os.setsockopt(sending, d.IPPROTO_TCP, d.TCP_USER_TIMEOUT, 1500);
        const idle = await connected();
        os.setsockopt(idle, d.SOL_SOCKET, d.SO_KEEPALIVE, true);
        for (const name of [d.TCP_KEEPIDLE, d.TCP_KEEPINTVL]) os.setsockopt(idle, d.IPPROTO_TCP, name, 1);
        os.setsockopt(idle, d.IPPROTO_TCP, d.TCP_KEEPCNT, 2);
        console.log('ready');
        await new Promise((resolve) => process.stdin.once('data', resolve));
        const from = performance.now();
        const fate = (token) => token.then(() => 'ok', (error) => error.code).then((code) => [code, performance.now() - from]);
        const fates = [fate(os.push(sending, 'x', { completion: 'acked' })), fate(os.pop(idle))];
        console.log(JSON.stringify(await Promise.all(fates)));
        process.exit(0);
      })();`,
    );
    try {
      const lines = createInterface(client.stdout!)[Symbol.asyncIterator]();
      expect((await lines.next()).value).toBe('ready');
      ip('-n', far, 'addr', 'flush', 'dev', 'far');
      client.stdin!.write('go\n');
      const [[sendingCode, sendingMs], [idleCode, idleMs]] = JSON.parse((await lines.next()).value as string) as [string, number][];
      expect([sendingCode, idleCode]).toEqual(['ETIMEDOUT', 'ETIMEDOUT']);
      expect(sendingMs).toBeGreaterThan(1000);
      expect(sendingMs).toBeLessThan(10_000);
      // One second idle, and two probes a second apart.
      expect(idleMs).toBeLessThan(15_000);
    } finally {
      for (const child of [client, server]) {
        child.stdin!.destroy();
        if (child.exitCode === null) child.kill('SIGKILL');
      }
    }
  });
});
