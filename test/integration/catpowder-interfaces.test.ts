// catpowder on interfaces of Linux: our TCP/IP and the kernel's talk to each other, over a TAP interface and over a veth pair. Each test is a
// program in a network namespace of its own, which ends with it. That needs root.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { canMakeNamespaces: isPossible } = require('../setup/namespaces') as { canMakeNamespaces: boolean };
const required = process.env['DEMI_REQUIRE_ALL'] === '1';
const withRights = isPossible || required ? test : test.skip;

const WITH_KERNEL = join(__dirname, '..', 'peers', 'with-kernel.js');
const { WELL } = require(WITH_KERNEL) as { WELL: object };

const COMMON = `
  const demi = require(${JSON.stringify(join(__dirname, '..', '..', 'dist'))});
  const dgram = require('node:dgram');
  const net = require('node:net');
  const { data, echo, hash, ip, listen, ofSocket, readAll, withKernel: talk } = require(${JSON.stringify(WITH_KERNEL)});
  const { AF_INET, SOCK_DGRAM, SOCK_STREAM, SHUT_WR, createLibOS } = demi;
  const outcome = {};
  const withKernel = async (...ends) => Object.assign(outcome, await talk(...ends));
`;

function run(program: string, env: Record<string, string> = {}): unknown {
  const script = `${COMMON}(async () => { ${program} console.log(JSON.stringify(outcome)); })().catch((error) => { console.error(error); process.exit(1); });`;
  const ran = spawnSync('unshare', ['-n', process.execPath, '-e', script], { encoding: 'utf8', timeout: 60_000, env: { ...process.env, ...env } });
  if (ran.status !== 0) throw new Error(`${ran.error?.message ?? ran.signal ?? ran.status}: ${ran.stderr}`);
  return JSON.parse(ran.stdout);
}

jest.setTimeout(90_000);

withRights('the kernel at the other end of a TAP interface', () => {
  expect(
    run(`
      const os = createLibOS({ libos: 'catpowder', device: { tap: 'demi0' }, inet: { addresses: ['10.77.0.2/24'] } });
      ip('addr add 10.77.0.1/24 dev demi0');
      await withKernel(os, '10.77.0.2', '10.77.0.1');
      await os.stop();`),
  ).toEqual(WELL);
});

withRights('the kernel at the other end of a veth pair', () => {
  const folder = mkdtempSync(join(tmpdir(), 'demi-veth-'));
  try {
    expect(
      run(
        `
        ip('link add there type veth peer name here');
        ip('addr add 10.77.0.1/24 dev there');
        ip('link set there up');
        ip('link set here up');
        const os = createLibOS({ libos: 'catpowder', device: { interface: 'here' }, inet: { addresses: ['10.77.0.2/24'] } });
        await withKernel(os, '10.77.0.2', '10.77.0.1');
        await os.stop();`,
        { DEMI_PCAP: join(folder, 'capture.pcap') },
      ),
    ).toEqual(WELL);
    // What another implementation of TCP has said to ours, and ours to it, as a third one sees it.
    const expert = spawnSync('tshark', ['-r', join(folder, 'capture.pcap'), '-Y', '_ws.malformed || tcp.analysis.lost_segment || tcp.analysis.ack_lost_segment'], { encoding: 'utf8' });
    expect({ status: expert.status, stdout: expert.stdout }).toEqual({ status: 0, stdout: '' });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

// What leaves in one frame, of several segments, comes to the kernel as it would in as many frames.
withRights('segments are left to the interface to cut, unless that is switched off', () => {
  for (const device of ["{ tap: 'demi0' }", "{ interface: 'demi0' }"]) {
    for (const segmentOffload of [true, false]) {
      const { segmentsPerFrame, ...outcome } = run(`
        const device = ${device};
        if (device.interface !== undefined) {
          ip('link add demi0 type veth peer name there');
          ip('link set demi0 up');
        }
        const os = createLibOS({ libos: 'catpowder', device, inet: { addresses: ['10.77.0.2/24'], tcp: { segmentOffload: ${segmentOffload} } } });
        const there = device.interface === undefined ? 'demi0' : 'there';
        ip('addr add 10.77.0.1/24 dev ' + there);
        ip('link set ' + there + ' up');
        await withKernel(os, '10.77.0.2', '10.77.0.1');
        const { stack, tcp } = os.stats().network;
        outcome.segmentsPerFrame = tcp.segmentsOut / stack.framesOut;
        await os.stop();`) as { segmentsPerFrame: number };
      expect([device, segmentOffload, outcome]).toEqual([device, segmentOffload, WELL]);
      if (segmentOffload) expect(segmentsPerFrame).toBeGreaterThan(1.5);
      else expect(segmentsPerFrame).toBeLessThanOrEqual(1);
    }
  }
});

withRights('both ends of a veth pair are ours', () => {
  expect(
    run(`
      ip('link add one type veth peer name two');
      ip('link set one up');
      ip('link set two up');
      const [one, two] = ['one', 'two'].map((name, i) => createLibOS({ libos: 'catpowder', device: { interface: name }, inet: { addresses: ['10.77.0.' + (i + 1) + '/24'] } }));
      const serving = echo(two, listen(two, '10.77.0.2:7'));
      const client = one.socket(AF_INET, SOCK_STREAM);
      await one.connect(client, '10.77.0.2:7');
      one.push(client, data).then(() => one.shutdown(client, SHUT_WR));
      outcome.same = hash(await readAll(one, client)) === hash(data);
      await serving;
      await Promise.all([one.stop(), two.stop()]);`),
  ).toEqual({ same: true });
});

withRights('a loop that sleeps is woken by a frame', () => {
  expect(
    run(`
      const os = createLibOS({ libos: 'catpowder', poll: 'sleep', device: { tap: 'demi0' }, inet: { addresses: ['10.77.0.2/24'] } });
      ip('addr add 10.77.0.1/24 dev demi0');
      const socket = os.socket(AF_INET, SOCK_DGRAM);
      os.bind(socket, '10.77.0.2:7');
      const popping = os.pop(socket);
      const udp = dgram.createSocket('udp4');
      setTimeout(() => udp.send('wake up', 7, '10.77.0.2'), 200);
      const { sga } = await popping;
      outcome.text = sga.toBuffer().toString();
      sga.free();
      udp.close();
      await os.stop();`),
  ).toEqual({ text: 'wake up' });
});

withRights('an interface that goes down, and comes back', () => {
  expect(
    run(`
      ip('link add there type veth peer name here');
      ip('addr add 10.77.0.1/24 dev there');
      ip('link set there up');
      ip('link set here up');
      const os = createLibOS({ libos: 'catpowder', device: { interface: 'here' }, inet: { addresses: ['10.77.0.2/24'] } });
      const listener = listen(os, '10.77.0.2:7');
      const socket = net.connect(7, '10.77.0.2');
      const { newQd } = await os.accept(listener);
      ip('link set here down');
      const codeOf = (qt) => qt.then(() => 'ok', (error) => error.code);
      const connect = () => codeOf(os.connect(os.socket(AF_INET, SOCK_STREAM), '10.77.0.1:1'));
      outcome.down = await connect();
      outcome.datagram = await codeOf(os.pushto(os.socket(AF_INET, SOCK_DGRAM), 'x', '10.77.0.1:9'));
      const received = new Promise((resolve) => socket.once('data', (data) => resolve(String(data))));
      outcome.push = await codeOf(os.push(newQd, 'as soon as it is up'));
      ip('link set here up');
      // The loop hears of this when it looks.
      for (let i = 0; i < 500 && (outcome.up = await connect()) === 'ENETDOWN'; ++i) await new Promise((resolve) => setTimeout(resolve, 10));
      outcome.received = await received;
      socket.destroy();
      await os.stop();`),
  ).toEqual({ down: 'ENETDOWN', datagram: 'ENETDOWN', push: 'ok', up: 'ECONNREFUSED', received: 'as soon as it is up' });
});

withRights('an interface that is removed ends what waits for it', () => {
  for (const device of [`{ tap: 'demi0' }`, `{ interface: 'demi0' }`]) {
    expect(
      run(`
        const device = ${device};
        if (device.interface !== undefined) ip('link add demi0 type veth peer name there');
        const os = createLibOS({ libos: 'catpowder', device, inet: { addresses: ['10.77.0.2/24'] } });
        const listener = listen(os, '10.77.0.2:7');
        const there = device.interface === undefined ? 'demi0' : 'there';
        ip('addr add 10.77.0.1/24 dev ' + there);
        for (const name of new Set([there, 'demi0'])) ip('link set ' + name + ' up');
        const socket = net.connect(7, '10.77.0.2').on('error', () => {});
        const { newQd } = await os.accept(listener);
        const waiting = [os.pop(newQd), os.accept(listener), os.pop((() => { const qd = os.socket(AF_INET, SOCK_DGRAM); os.bind(qd, '10.77.0.2:53'); return qd; })())];
        setTimeout(() => ip('link del demi0'), 100);
        outcome.codes = await Promise.all(waiting.map((qt) => qt.then(() => 'ok', (error) => error.code)));
        outcome.connect = await os.connect(os.socket(AF_INET, SOCK_STREAM), '10.77.0.1:1').catch((error) => error.code);
        socket.destroy();
        await os.stop();`),
    ).toEqual({ codes: ['ENETDOWN', 'ENETDOWN', 'ENETDOWN'], connect: 'ENETDOWN' });
  }
});

withRights('what cannot be, and what to do about it', () => {
  const outcome = run(`
    const refusal = (device, addresses = ['10.77.0.2/24']) => {
      try { createLibOS({ libos: 'catpowder', device, inet: { addresses } }); return 'nothing was thrown'; } catch (error) { return error.message; }
    };
    ip('link add here type veth peer name there');
    ip('addr add 10.77.0.2/24 dev there');
    outcome.missing = refusal({ interface: 'eth7' });
    outcome.owned = refusal({ interface: 'here' });
    outcome.noTap = refusal({ tap: 'here' });
    createLibOS({ libos: 'catpowder', device: { tap: 'demi0' }, inet: { addresses: ['10.78.0.2/24'] } });
    outcome.taken = refusal({ tap: 'demi0' }, ['10.78.0.3/24']);
    process.on('exit', () => {});
    console.log(JSON.stringify(outcome));
    process.exit(0);`) as Record<string, string>;
  expect(outcome['missing']).toContain("'eth7'");
  expect(outcome['owned']).toContain('10.77.0.2');
  for (const message of Object.values(outcome)) expect(message).toMatch(/^EINVAL: .* \(createLibOS\(config\)\)$/);
});
