// catnip in whole processes and worker threads: peers over memif that come late, go away and come back, workers that are terminated, and what is said of
// configurations that cannot be.

import { fork, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

import { AF_INET, createLibOS, type DemiError, SOCK_DGRAM, SOCK_STREAM, SO_LINGER, SOL_SOCKET, type LibOS, type LibOSConfig } from '../../lib';
import { DPDK_PLUGIN } from '../../lib/native/binding';

const root = join(__dirname, '..', '..');
const ECHO = join(root, 'test', 'peers', 'dpdk-echo.js');
const required = process.env['DEMI_REQUIRE_ALL'] === '1';
const describeWithDpdk = required || existsSync(DPDK_PLUGIN) ? describe : describe.skip;

jest.setTimeout(120_000);

const [HERE, THERE] = ['10.77.0.2', '10.77.0.1'];
const MEMORY = ['--no-huge', '--no-pci', '-m', '512'];
const TCP = { rtoInitialMs: 50, rtoMinMs: 5 };

let folder: string;
let socket: string;
const started: ChildProcess[] = [];
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'demi-catnip-'));
  socket = join(folder, 'memif.sock');
});
afterAll(() => {
  for (const child of started) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const memif = (role: 'server' | 'client', address: string, at = socket): LibOSConfig => ({
  libos: 'catnip',
  dpdk: { eal: [...MEMORY, `--vdev=net_memif0,role=${role},socket=${at}`], port: 'net_memif0' },
  inet: { addresses: [`${address}/24`], tcp: TCP },
});

const startEcho = (config: LibOSConfig): Promise<ChildProcess> =>
  new Promise((resolve, reject) => {
    const child = fork(ECHO, [JSON.stringify(config)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    started.push(child);
    child.once('message', () => resolve(child));
    child.once('exit', (code, signal) => reject(new Error(`the echo ended by ${code ?? signal}`)));
  });

const ended = (child: ChildProcess): Promise<unknown> => new Promise((resolve) => (child.exitCode ?? child.signalCode) === null ? child.once('exit', resolve) : resolve(null));

/** Connects as soon as the link is up. */
async function connected(os: LibOS, address: string): Promise<number> {
  for (const end = Date.now() + 20_000; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
    const qd = os.socket(AF_INET, SOCK_STREAM, 0);
    try {
      await os.connect(qd, { address, port: 7 }, { timeout: 20_000 });
      return qd;
    } catch (error) {
      await os.close(qd);
      if ((error as DemiError).code !== 'ENETDOWN' || Date.now() > end) throw error;
    }
  }
}

async function echoes(os: LibOS, address: string, bytes: number): Promise<number> {
  const qd = await connected(os, address);
  const sent = Buffer.from(Array.from({ length: bytes }, (_, i) => i % 251));
  const pushing = os.push(qd, sent);
  const parts: Buffer[] = [];
  for (let got = 0; got < bytes; ) {
    const { sga } = await os.pop(qd, { timeout: 20_000 });
    parts.push(sga.toBuffer());
    got += sga.byteLength;
    sga.free();
  }
  await pushing;
  expect(Buffer.concat(parts).equals(sent)).toBe(true);
  return qd;
}

describeWithDpdk('two processes over memif', () => {
  test('a peer that comes late, is killed, and comes back', async () => {
    const os = createLibOS(memif('client', HERE));
    try {
      // Nobody is there yet.
      const early = os.socket(AF_INET, SOCK_STREAM, 0);
      const connecting = os.connect(early, { address: THERE, port: 7 }, { timeout: 20_000 });
      const first = await startEcho(memif('server', THERE));
      await connecting;
      await os.close(early);
      const old = await echoes(os, THERE, 200_000);

      first.kill('SIGKILL');
      await ended(first);
      await startEcho(memif('server', THERE));
      await os.close(await echoes(os, THERE, 200_000));
      expect(os.stats().network!.device!['linkRestarts']).toBeGreaterThan(0);
      // What was connected to the dead one hears of it from the one that lives, who knows nothing of it.
      const pop = os.pop(old, { timeout: 20_000 });
      os.push(old, 'are you there?');
      await expect(Promise.resolve(pop)).rejects.toMatchObject({ code: 'ECONNRESET' });
      await os.close(old);
      expect(os.stats()).toMatchObject({ buffers: 0, sgArrays: 0, tokensPending: 0 });
    } finally {
      await os.stop();
    }
  });
});

// DPDK's driver takes rings down in another thread than that which is in them.
describeWithDpdk('a peer over memif that is killed under full traffic, again and again', () => {
  const others = { server: 'client', client: 'server' } as const;
  const ENDED = { rounds: 10, ends: ['ETIMEDOUT'], sgArrays: 0, tokensPending: 0, queues: 0 };
  const survivor = (role: 'server' | 'client', ...more: string[]): { status: number | null; stderr: string; outcome: unknown } => {
    // That of this process is in use.
    const own = `${socket}-killed`;
    const ends = [memif(role, HERE, own), memif(others[role], THERE, own)].map((end) => JSON.stringify(end));
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, [join(root, 'test', 'peers', 'dpdk-survivor.js'), ...ends, '10', ...more], {
      cwd: root,
      encoding: 'utf8',
      timeout: 100_000,
      killSignal: 'SIGKILL',
    });
    return { status, stderr: stderr.replace(/^EAL: .*\n/gm, ''), outcome: stdout === '' ? signal : JSON.parse(stdout) };
  };

  test.each(['server', 'client'] as const)('of a %s: the next one finds the survivor', (role) => {
    expect(survivor(role)).toEqual({ status: 0, stderr: '', outcome: ENDED });
  });

  // It traces a process.
  (required || process.getuid?.() === 0 ? test.each : test.skip.each)(['server', 'client'] as const)('of a %s that is just in the middle of the driver', (role) => {
    const { status, stderr } = spawnSync('make', ['-C', join(root, 'test', 'peers'), join(root, 'build', 'peers', 'freeze')], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(survivor(role, 'librte_net_memif')).toEqual({ status: 0, stderr: '', outcome: ENDED });
  });
});

describeWithDpdk('workers on cables of rings', () => {
  // The process has started EAL by now, and all have the same arguments.
  const ring = (end: 0 | 1, address: string): LibOSConfig => ({ ...memif('client', address), dpdk: { ...memif('client', address).dpdk, port: `ring:workers/${end}` } });

  const startWorker = (): Promise<Worker> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(ECHO, { workerData: { config: ring(1, THERE), port: 7 } });
      worker.once('message', () => resolve(worker));
      worker.once('error', reject);
    });

  test('one after the other is terminated in the middle of traffic', async () => {
    const os = createLibOS(ring(0, HERE));
    try {
      for (let round = 0; round < 5; ++round) {
        const worker = await startWorker();
        await os.close(await echoes(os, THERE, 100_000));
        const qd = os.socket(AF_INET, SOCK_STREAM, 0);
        await os.connect(qd, { address: THERE, port: 7 }, { timeout: 20_000 });
        os.push(qd, Buffer.alloc(3_000_000)).then(
          () => undefined,
          () => undefined,
        );
        (await os.pop(qd)).sga.free();
        await worker.terminate();
        os.setsockopt(qd, SOL_SOCKET, SO_LINGER, { enabled: true, seconds: 0 });
        await os.close(qd);
      }
      expect(os.stats()).toMatchObject({ sgArrays: 0, tokensPending: 0, queues: 0 });
    } finally {
      await os.stop();
    }
  });

  test('a queue belongs to one libOS', async () => {
    const os = createLibOS(ring(0, HERE));
    expect(() => createLibOS(ring(0, THERE))).toThrow(/EBUSY.*Queue 0 of the port .* has a libOS already/);
    await os.stop();
    await createLibOS(ring(0, THERE)).stop();
  });
});

describeWithDpdk('without buffers', () => {
  const ring = (end: 0 | 1, address: string): LibOSConfig => {
    const { dpdk, ...rest } = memif('client', address);
    return { ...rest, inet: { ...rest.inet, tcp: { ...TCP, rtoMaxMs: 100 } }, dpdk: { ...dpdk, port: `ring:scarce/${end}`, mbufs: MBUFS } };
  };
  // DPDK takes no fewer: twice what waits in the device.
  const MBUFS = 2048;
  const MESSAGE = Buffer.alloc(1400, 7);

  test('who keeps all that comes loses what comes then, and goes on when it gives it back', async () => {
    const [sender, keeper] = [createLibOS(ring(0, HERE)), createLibOS(ring(1, THERE))];
    try {
      const heard = keeper.socket(AF_INET, SOCK_DGRAM, 0);
      keeper.bind(heard, { address: THERE, port: 5000 });
      const speaks = sender.socket(AF_INET, SOCK_DGRAM, 0);
      const noRoom = (): number => keeper.stats().network!.device!['noRoom'];
      const kept: { free(): void; readonly byteLength: number }[] = [];
      // Datagrams of a whole buffer each, which are popped and not freed, until there are no more buffers.
      for (const end = Date.now() + 30_000; noRoom() === 0 && Date.now() < end; ) {
        for (let i = 0; i < 16; ++i) await sender.pushto(speaks, MESSAGE, { address: THERE, port: 5000 });
        try {
          for (;;) kept.push((await keeper.pop(heard, { timeout: 5 })).sga);
        } catch (error) {
          expect(error).toMatchObject({ code: 'ETIMEDOUT' });
        }
      }
      expect(noRoom()).toBeGreaterThan(0);
      expect(kept.length).toBeGreaterThan(MBUFS / 2);
      // Connections do not get through, and nothing breaks.
      const listener = keeper.socket(AF_INET, SOCK_STREAM, 0);
      keeper.bind(listener, { address: THERE, port: 7 });
      keeper.listen(listener, 4);
      const early = sender.socket(AF_INET, SOCK_STREAM, 0);
      await expect(Promise.resolve(sender.connect(early, { address: THERE, port: 7 }, { timeout: 300 }))).rejects.toMatchObject({ code: 'ETIMEDOUT' });
      await sender.close(early);
      for (const sga of kept) {
        expect(sga.byteLength).toBe(MESSAGE.length);
        sga.free();
      }
      const late = sender.socket(AF_INET, SOCK_STREAM, 0);
      await sender.connect(late, { address: THERE, port: 7 }, { timeout: 20_000 });
      expect(keeper.stats()).toMatchObject({ sgArrays: 0 });
    } finally {
      await Promise.all([sender.stop(), keeper.stop()]);
    }
  });

  test('a stream to who does not pop, or does not free, is pushed back, and arrives when he does', async () => {
    const [sender, keeper] = [createLibOS(ring(0, HERE)), createLibOS(ring(1, THERE))];
    try {
      const listener = keeper.socket(AF_INET, SOCK_STREAM, 0);
      keeper.bind(listener, { address: THERE, port: 7 });
      keeper.listen(listener, 4);
      const qd = sender.socket(AF_INET, SOCK_STREAM, 0);
      await sender.connect(qd, { address: THERE, port: 7 }, { timeout: 20_000 });
      const { newQd } = await keeper.accept(listener, { timeout: 20_000 });
      // More than all buffers of the port hold.
      const PUSH = 64 * 1024;
      const BYTES = Math.ceil((3 * MBUFS * 1460) / PUSH) * PUSH;
      let pushed = 0;
      const pushing = (async () => {
        for (; pushed < BYTES; pushed += PUSH) await sender.push(qd, Buffer.alloc(PUSH, pushed / PUSH));
      })();
      for (let before = -1; before !== pushed; await new Promise((resolve) => setTimeout(resolve, 300))) before = pushed;
      expect(pushed).toBeLessThan(BYTES);
      // All is kept until nothing comes any more, and then given back.
      let at = 0;
      let starved = 0;
      const kept: { free(): void }[] = [];
      const free = (): void => kept.splice(0).forEach((one) => one.free());
      while (at < BYTES) {
        try {
          const { sga } = await keeper.pop(newQd, { timeout: 1_000 });
          const bytes = sga.toBuffer();
          for (let i = 0; i < bytes.length; i += 997) if (bytes[i] !== (Math.floor((at + i) / PUSH) & 255)) throw new Error(`a wrong byte at ${at + i}`);
          at += bytes.length;
          kept.push(sga);
        } catch (error) {
          expect(error).toMatchObject({ code: 'ETIMEDOUT' });
          expect(kept.length).toBeGreaterThan(0);
          ++starved;
          free();
        }
      }
      free();
      await pushing;
      expect(starved).toBeGreaterThan(0);
      expect(keeper.stats().network!.device!['noRoom']).toBeGreaterThan(0);
      for (const [os, open] of [[sender, [qd]], [keeper, [newQd, listener]]] as const) for (const one of open) await os.close(one);
      for (const os of [sender, keeper]) {
        expect(os.stats()).toMatchObject({ sgArrays: 0, tokensPending: 0 });
        // The last frame is on its way until the other end takes it.
        while (os.stats().buffers > 0) await new Promise((resolve) => setTimeout(resolve, 5));
      }
    } finally {
      await Promise.all([sender.stop(), keeper.stop()]);
    }
  });
});

describeWithDpdk('libOSes on the queues of one port', () => {
  const queue = (end: 0 | 1, number: number, address: string): LibOSConfig => {
    const { dpdk, ...rest } = memif('client', address);
    return { ...rest, dpdk: { ...dpdk, port: `ring:shared/${end}`, queues: 2, queue: number, mbufs: 2048 } };
  };
  let clients: LibOS[];
  let servers: LibOS[];
  beforeEach(() => {
    clients = [0, 1].map((number) => createLibOS(queue(0, number, HERE)));
    servers = [0, 1].map((number) => createLibOS(queue(1, number, THERE)));
  });
  afterEach(async () => {
    await Promise.all([...clients, ...servers].map((os) => os.stop()));
  });
  const listening = (os: LibOS): number => {
    const listener = os.socket(AF_INET, SOCK_STREAM, 0);
    os.bind(listener, { address: THERE, port: 7 });
    os.listen(listener, 64);
    return listener;
  };

  test('each gets the connections that belong to its queue', async () => {
    const listeners = servers.map(listening);
    for (const [number, client] of clients.entries()) {
      expect(client.rss).toMatchObject({ queues: 2, queue: number });
      for (let i = 0; i < 10; ++i) {
        const qd = client.socket(AF_INET, SOCK_STREAM, 0);
        await client.connect(qd, { address: THERE, port: 7 }, { timeout: 20_000 });
        const local = client.getsockname(qd);
        expect(client.rss.queueFor({ local, remote: `${THERE}:7` })).toBe(number);
        const { newQd } = await servers[number].accept(listeners[number], { timeout: 20_000 });
        expect(servers[number].getpeername(newQd)).toEqual(local);
      }
    }
    for (const os of [...clients, ...servers]) expect(os.stats().network!.device).toMatchObject({ notHandedOver: 0 });
  });

  test('a bound port is of one queue, and another one cannot connect from it', async () => {
    servers.map(listening);
    const connects = [0, 0];
    for (let port = 6000; port < 6010; ++port) {
      const owner = clients[0].rss.queueFor({ local: { address: HERE, port }, remote: `${THERE}:7` });
      for (const [number, client] of clients.entries()) {
        const qd = client.socket(AF_INET, SOCK_STREAM, 0);
        client.bind(qd, { address: HERE, port });
        if (number === owner) {
          await client.connect(qd, { address: THERE, port: 7 }, { timeout: 20_000 });
          ++connects[number];
        } else {
          const wrong = new RegExp(`EINVAL.*what comes back to port ${port} comes to another queue than that of this libOS \\(${number} of 0 to 1\\)`);
          expect(() => client.connect(qd, { address: THERE, port: 7 })).toThrow(wrong);
        }
      }
    }
    expect(Math.min(...connects)).toBeGreaterThan(0);
  });

  test('datagrams come to whoever has the port', async () => {
    for (const [number, server] of servers.entries()) {
      const heard = server.socket(AF_INET, SOCK_DGRAM, 0);
      server.bind(heard, { address: THERE, port: 5000 + number });
      for (const client of clients) {
        const qd = client.socket(AF_INET, SOCK_DGRAM, 0);
        for (let i = 0; i < 5; ++i) {
          await client.pushto(qd, `${i}`, { address: THERE, port: 5000 + number });
          const { sga, from } = await server.pop(heard, { timeout: 20_000 });
          expect(sga.toBuffer().toString()).toBe(`${i}`);
          // And back, whichever flow that is.
          await server.pushto(heard, sga, from!);
          (await client.pop(qd, { timeout: 20_000 })).sga.free();
        }
      }
    }
  });

  test('what a queue is asked for must be two ends', () => {
    const [{ rss }] = clients;
    expect(() => rss.queueFor({ local: `${HERE}:0`, remote: `${THERE}:7` })).toThrow(/EINVAL.*flow.local/);
    expect(() => rss.queueFor({ local: `${HERE}:1`, remote: '0.0.0.0:7' })).toThrow(/EINVAL.*flow.remote/);
    expect(() => rss.queueFor({ local: `${HERE}:1`, remote: '[fd00::1]:7' })).toThrow(/EINVAL.*of the same family/);
    expect(() => rss.queueFor({ local: `${HERE}:1` } as never)).toThrow(TypeError);
    const alone = createLibOS({ libos: 'loopback' });
    expect(alone.rss).toMatchObject({ queues: 1, queue: 0 });
    expect(alone.rss.queueFor({ local: '10.0.0.1:1', remote: '10.0.0.2:2' })).toBe(0);
    return alone.stop();
  });
});

// Root reserves them.
const NR_HUGEPAGES = '/proc/sys/vm/nr_hugepages';
const mayReserve = process.getuid?.() === 0 && existsSync(NR_HUGEPAGES);
(required || (existsSync(DPDK_PLUGIN) && mayReserve) ? describe : describe.skip)('hugepages', () => {
  const program = `const { AF_INET, SOCK_STREAM, createLibOS } = require('.');
    const free = () => Number(/HugePages_Free: +(\\d+)/.exec(require('node:fs').readFileSync('/proc/meminfo', 'utf8'))[1]);
    async function main() {
      const before = free();
      const [a, b] = [0, 1].map((end) => createLibOS({
        libos: 'catnip', inet: { addresses: ['10.77.0.' + (1 + end) + '/24'] }, dpdk: { eal: ['--no-pci', '-m', '256'], port: 'ring:x/' + end, mbufs: 2048 },
      }));
      const listener = b.socket(AF_INET, SOCK_STREAM, 0);
      b.bind(listener, '10.77.0.2:7');
      b.listen(listener, 1);
      const client = a.socket(AF_INET, SOCK_STREAM, 0);
      await a.connect(client, '10.77.0.2:7');
      const { newQd } = await b.accept(listener);
      const pushing = a.push(client, Buffer.alloc(500_000, 7));
      let got = 0;
      while (got < 500_000) {
        const { sga } = await b.pop(newQd);
        got += sga.byteLength;
        sga.free();
      }
      await pushing;
      console.log(JSON.stringify({ got, used: before - free() }));
      await Promise.all([a.stop(), b.stop()]);
    }
    main().catch((error) => console.log(error.message));`;
  const run = (): string => spawnSync(process.execPath, ['-e', program], { cwd: root, encoding: 'utf8', timeout: 30_000 }).stdout.trim().split('\n').at(-1)!;
  const reserve = (pages: number): void => writeFileSync(NR_HUGEPAGES, String(pages));
  let before = 0;
  beforeAll(() => {
    before = Number(readFileSync(NR_HUGEPAGES, 'utf8'));
  });
  afterAll(() => reserve(before));

  test('without them it says what to do, and with them it runs in them', () => {
    reserve(0);
    expect(run()).toMatch(/^ENOMEM.*EAL finds no hugepages: reserve some, as by 'sysctl -w vm.nr_hugepages=1024', or have '--no-huge' in dpdk.eal/);
    reserve(160);
    const { got, used } = JSON.parse(run()) as { got: number; used: number };
    expect(got).toBe(500_000);
    expect(used).toBeGreaterThanOrEqual(128);
    // They come back with the process, without anything being cleaned up.
    expect(readFileSync('/proc/meminfo', 'utf8')).toMatch(/HugePages_Free: +160\n/);
  });
});

describeWithDpdk('what cannot be', () => {
  /** Makes such a libOS in a process of its own; says how that fails, and what was printed beside. */
  function failure(dpdk: object, more: object = {}): string {
    const config = JSON.stringify({ libos: 'catnip', inet: { addresses: ['10.77.0.2/24'] }, dpdk, ...more });
    const program = `try { require('.').createLibOS(${config}); console.log('made'); } catch (error) { console.log(error.message); }`;
    const { stdout, stderr, status } = spawnSync(process.execPath, ['-e', program], { cwd: root, encoding: 'utf8', timeout: 30_000 });
    // EAL alone has something to say there, whatever becomes of its log.
    expect([stderr.replace(/^EAL: .*\n/gm, ''), status]).toEqual(['', 0]);
    return stdout.trim().split('\n').at(-1)!;
  }

  test.each([
    ['help', { eal: ['--help'] }, /^EINVAL.*EAL would print its help at '--help'/],
    ['an unknown argument', { eal: ['--no-hugs'] }, /^EINVAL.*EAL has no option '--no-hugs'/],
    ['an argument with a wrong value', { eal: [...MEMORY, '-l', 'nine'] }, /^E[A-Z]+.*EAL does not start with these arguments. It says: /],
    ['too little memory', { eal: ['--no-huge', '--no-pci', '-m', '8'], port: 'ring:x/0' }, /^ENOMEM.*EAL has no memory for 4096 rooms/],
    ['no port', { eal: MEMORY }, /^ENODEV.*DPDK has no port '0'. The ports are: none/],
    ['a device that is not there', { eal: [...MEMORY, '--vdev=net_nothing0'], port: 'net_nothing0' }, /^E[A-Z]+.*net_nothing0/],
    ['no end of a cable', { eal: MEMORY, port: 'ring:x/2' }, /^EINVAL.*names no end of a cable/],
    ['more queues than there are', { eal: [...MEMORY, '--vdev=net_tap0'], port: 'net_tap0', queues: 64 }, /^E[A-Z]+.*(has 16 queues, and dpdk.queues is 64|net_tap0)/],
  ])('%s', (_, dpdk, message) => {
    expect(failure(dpdk)).toMatch(message);
  });

  test('EAL with other arguments', () => {
    const program = `const { createLibOS } = require('.');
      const make = (eal, port) => createLibOS({ libos: 'catnip', inet: { addresses: ['10.77.0.2/24'] }, dpdk: { eal, port } });
      const os = make(${JSON.stringify(MEMORY)}, 'ring:x/0');
      try { make(['--no-pci'], 'ring:x/1'); } catch (error) { console.log(error.message); }
      os.stop().then(() => console.log('stopped'));`;
    const { stdout } = spawnSync(process.execPath, ['-e', program], { cwd: root, encoding: 'utf8', timeout: 30_000 });
    expect(stdout).toMatch(/^EEXIST.*EAL is started once in a process, and it runs with other arguments already: --no-huge --no-pci -m 512/);
    expect(stdout).toMatch(/stopped\n$/);
  });

  test('nothing of a process is left behind, and what a killed one has left is cleaned up', () => {
    const runtime = process.getuid?.() === 0 ? '/var/run/dpdk' : join(process.env['XDG_RUNTIME_DIR'] ?? '/tmp', 'dpdk');
    const program = `const os = require('.').createLibOS({ libos: 'catnip', inet: { addresses: ['10.77.0.2/24'] }, dpdk: { eal: ${JSON.stringify(MEMORY)}, port: 'ring:x/0' } });
      console.log(process.pid); process.argv[1] === 'killed' ? process.kill(process.pid, 'SIGKILL') : os.stop();`;
    const run = (how: string): string => spawnSync(process.execPath, ['-e', program, how], { cwd: root, encoding: 'utf8', timeout: 30_000 }).stdout.trim();
    const killed = join(runtime, `demi-${run('killed')}`);
    expect(existsSync(killed)).toBe(true);
    const stopped = join(runtime, `demi-${run('stopped')}`);
    expect([existsSync(killed), existsSync(stopped)]).toEqual([false, false]);
  });
});
