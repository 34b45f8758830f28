// catnip on interfaces of Linux by way of DPDK: the kernel as a peer over net_af_xdp (catnip.interfaces.ts of the conformance suite has the others), interfaces
// that go down or are deleted under traffic, and a peer that is killed. Each test is a program in a network namespace of its own, which ends with it.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { DPDK_PLUGIN } from '../../lib/native/binding';

const root = join(__dirname, '..', '..');
const PEERS = join(root, 'test', 'peers');
const { WELL } = require('../peers/with-kernel') as { WELL: object };
const { canMakeNamespaces } = require('../setup/namespaces') as { canMakeNamespaces: boolean };
const required = process.env['DEMI_REQUIRE_ALL'] === '1';
const withRights = required || (existsSync(DPDK_PLUGIN) && canMakeNamespaces) ? test : test.skip;

jest.setTimeout(120_000);

const COMMON = `
  const { execSync, spawn, spawnSync } = require('node:child_process');
  const { once } = require('node:events');
  const net = require('node:net');
  const { AF_INET, SOCK_DGRAM, SOCK_STREAM, createLibOS } = require(${JSON.stringify(root)});
  const { ip, withKernel } = require(${JSON.stringify(join(PEERS, 'with-kernel.js'))});
  const [OURS, KERNELS] = ['10.77.0.2', '10.77.0.1'];
  const outcome = {};
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  // 'here' is ours, 'there' the kernel's, which finishes its checksums.
  function layVeth() {
    ip('link add there type veth peer name here');
    for (const name of ['there', 'here']) ip('link set ' + name + ' up');
    execSync('ethtool -K there tx off');
  }
  function configOf(port, address = OURS, iface = 'here') {
    const lies = port === 'net_tap0' ? 'there' : iface;
    const dpdk = { eal: ['--no-huge', '--no-pci', '-m', '512', '--vdev=' + port + ',iface=' + lies], port };
    return { libos: 'catnip', dpdk, inet: { addresses: [address + '/24'], tcp: { rtoInitialMs: 50, rtoMinMs: 5, rtoMaxMs: 100 } } };
  }
  // A libOS on that port, and the kernel at the other end.
  function onPort(port) {
    if (port !== 'net_tap0') layVeth();
    const os = createLibOS(configOf(port));
    ip('addr add ' + KERNELS + '/24 dev there');
    ip('link set there up');
    return os;
  }
  const codeOf = (promise) => Promise.resolve(promise).then(() => 'nothing', (error) => error.code);
  // To the kernel's echo and back, as much as goes, until that fails: says how it ends.
  async function withTraffic(os) {
    const server = net.createServer((socket) => socket.on('error', () => {}).pipe(socket));
    await new Promise((resolve) => server.listen(7, KERNELS, resolve));
    const qd = os.socket(AF_INET, SOCK_STREAM);
    await os.connect(qd, { address: KERNELS, port: 7 });
    const traffic = { qd, got: 0 };
    traffic.pops = (async () => {
      for (;;) {
        const { sga } = await os.pop(qd);
        traffic.got += sga.byteLength;
        sga.free();
      }
    })().catch((error) => error.code);
    traffic.pushes = (async () => {
      for (;;) await os.push(qd, Buffer.alloc(100_000));
    })().catch((error) => error.code);
    traffic.has = async (bytes) => {
      while (traffic.got < bytes) await pause(5);
    };
    await traffic.has(1_000_000);
    return traffic;
  }
`;

function run(program: string): unknown {
  const script = `${COMMON}(async () => { ${program} console.log(JSON.stringify(outcome)); process.exit(0); })().catch((error) => { console.error(error); process.exit(1); });`;
  const ran = spawnSync('unshare', ['-n', process.execPath, '-e', script], { cwd: root, encoding: 'utf8', timeout: 100_000, killSignal: 'SIGKILL' });
  if (ran.status !== 0) throw new Error(`${ran.error?.message ?? ran.signal ?? ran.status}: ${ran.stderr}`);
  // EAL, libbpf and libxdp may have had something to say before.
  return JSON.parse(ran.stdout.trim().split('\n').at(-1)!);
}

withRights('the kernel at the other end of net_af_xdp: ARP, ping, TCP and UDP, by one process after another', () => {
  const program = `
    if (process.env.ROUND === undefined) {
      layVeth();
      ip('addr add ' + KERNELS + '/24 dev there');
      outcome.rounds = ['killed', 'stopped'].map((ROUND) => {
        const { stdout, stderr } = spawnSync(process.execPath, process.execArgv, { env: { ...process.env, ROUND }, encoding: 'utf8' });
        const said = stdout.trim().split('\\n').at(-1);
        return said.startsWith('{') ? JSON.parse(said) : stderr;
      });
    } else {
      let os = createLibOS(configOf('net_af_xdp0'));
      const [status] = await once(spawn('ping', ['-c', '3', '-i', '0.2', '-w', '10', OURS], { stdio: 'ignore' }), 'close');
      outcome.ping = status;
      outcome.neighbor = /lladdr .* REACHABLE/.test(execSync('ip neigh show ' + OURS, { encoding: 'utf8' }));
      Object.assign(outcome, await withKernel(os, OURS, KERNELS));
      outcome.copiedIn = os.stats().network.device.copiedIn > 0;
      await os.stop();
      // The port is kept for the next libOS of the process.
      os = createLibOS(configOf('net_af_xdp0'));
      outcome.again = await withKernel(os, OURS, KERNELS);
      await os.stop();
      try { createLibOS({ ...configOf('net_af_xdp0'), inet: { addresses: ['10.77.0.2/24'], mtu: 1400 } }); } catch (error) { outcome.wrong = error.message; }
      if (process.env.ROUND === 'killed') {
        require('node:fs').writeSync(1, JSON.stringify(outcome));
        process.kill(process.pid, 'SIGKILL');
      }
    }`;
  const wrong = expect.stringMatching(/EINVAL.*runs with an MTU of 1500 already, and inet.mtu is 1400/);
  const each = { ...WELL, ping: 0, neighbor: true, copiedIn: true, again: WELL, wrong };
  expect(run(program)).toEqual({ rounds: [each, each] });
});

describe.each(['net_af_packet0', 'net_tap0', 'net_af_xdp0'])('the interface of %s', (port) => {
  withRights('is deleted under traffic: everything ends with ENETDOWN, and nothing is left', () => {
    const found = run(`
      const os = onPort('${port}');
      const traffic = await withTraffic(os);
      const listener = os.socket(AF_INET, SOCK_STREAM);
      os.bind(listener, { address: OURS, port: 80 });
      os.listen(listener, 8);
      const accepting = codeOf(os.accept(listener));
      ip('link del ' + ('${port}' === 'net_tap0' ? 'there' : 'here'));
      outcome.pop = await traffic.pops;
      outcome.push = await traffic.pushes;
      outcome.accept = await accepting;
      const late = os.socket(AF_INET, SOCK_STREAM);
      outcome.connect = await codeOf(os.connect(late, { address: KERNELS, port: 7 }));
      const datagrams = os.socket(AF_INET, SOCK_DGRAM);
      outcome.pushto = await codeOf(os.pushto(datagrams, 'x', { address: KERNELS, port: 9 }));
      for (const qd of [traffic.qd, listener, late, datagrams]) await os.close(qd);
      const { sgArrays, tokensPending, queues } = os.stats();
      Object.assign(outcome, { sgArrays, tokensPending, queues });
      // The reset asks for its next hop as long as any frame does.
      while (os.stats().buffers > 0) await pause(20);
      await os.stop();
      try { createLibOS(configOf('${port}')); } catch (error) { outcome.again = error.message; }
      // Others of the process go on.
      const { libos, dpdk, inet } = configOf('${port}');
      await createLibOS({ libos, dpdk: { ...dpdk, port: 'ring:other/0' }, inet }).stop();`) as { again: string; push: string };
    const { again, push, ...rest } = found;
    expect(rest).toEqual({ pop: 'ENETDOWN', accept: 'ENETDOWN', connect: 'ENETDOWN', pushto: 'ENETDOWN', sgArrays: 0, tokensPending: 0, queues: 0 });
    // Whichever comes first has the reason, and the others find a connection that has ended.
    expect(['ENETDOWN', 'EPIPE']).toContain(push);
    expect(again).toMatch(/^ENODEV.* has been unplugged: start the process anew when it is back/);
  });

  withRights('goes down under traffic and comes up again: what is connected goes on', () => {
    expect(
      run(`
      const os = onPort('${port}');
      const traffic = await withTraffic(os);
      // The link has to have been up for that: until then what is new waits.
      while (os.stats().network.device.linkDown === 0) {
        ip('link set there down');
        await pause(300);
        ip('link set there up');
        const before = traffic.got;
        await traffic.has(before + 100_000);
      }
      ip('link set there down');
      await pause(100);
      outcome.connect = await codeOf(os.connect(os.socket(AF_INET, SOCK_STREAM), { address: KERNELS, port: 7 }));
      const before = traffic.got;
      ip('link set there up');
      await traffic.has(before + 1_000_000);
      await os.stop();`),
    ).toEqual({ connect: 'ENETDOWN' });
  });
});

withRights('a peer on net_af_packet is killed under full traffic, again and again, and the next one finds the survivor', () => {
  expect(
    run(`
    layVeth();
    const ends = [configOf('net_af_packet0'), configOf('net_af_packet0', KERNELS, 'there')];
    const child = spawn(process.execPath, [${JSON.stringify(join(PEERS, 'dpdk-survivor.js'))}, ...ends.map((end) => JSON.stringify(end)), '10'], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.on('data', (part) => (said += part));
    const [status, signal] = await once(child, 'close');
    Object.assign(outcome, { status, signal }, JSON.parse(said));`),
  ).toEqual({ status: 0, signal: null, rounds: 10, ends: ['ETIMEDOUT'], sgArrays: 0, tokensPending: 0, queues: 0 });
});
