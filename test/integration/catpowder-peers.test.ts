// catpowder against programs that are not of ours, over a TAP interface in a network namespace: ping, arping, nc, curl, iperf3, and Linux's TCP as
// client and as server. Nothing is lost on such a link. test/peers/ has our side of it (peer.js) and says how captures are judged (capture.js).

import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { Namespace, Peer } = require('../peers/network');
const { readCapture } = require('../peers/capture');

const { canMakeNamespaces: isPossible } = require('../setup/namespaces') as { canMakeNamespaces: boolean };
const required = process.env['DEMI_REQUIRE_ALL'] === '1';
const has = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
/** As root, with these programs; where everything must be checked, what is missing is a failure. */
const testWith = (...programs: string[]): jest.It => (required || (isPossible && programs.every(has)) ? test : test.skip);

jest.setTimeout(120_000);

const OURS = '10.77.0.2';
const LINUX = '10.77.0.1';
const GIGABYTE = 2 ** 30;
const GREETING = 'to whoever connects\n';

type Said = { bytes: number; sha256: string };
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** A namespace with Linux on one end of a TAP interface, and our stack on the other. */
class Pair {
  static async make(env: Record<string, string> = {}): Promise<Pair> {
    const namespace = await Namespace.make();
    const ours = await Peer.start(namespace, ['demi', 'device=tap:demi0', `address=${OURS}/24`], env);
    await namespace.address('demi0', `${LINUX}/24`, 'cubic');
    return new Pair(namespace, ours, await Peer.start(namespace, ['net']));
  }
  private constructor(readonly namespace: any, readonly ours: any, readonly linux: any) {}
  run(command: string, options = {}): Promise<{ status: number | null; out: string; err: string }> {
    const [program, ...args] = command.split(' ');
    return this.namespace.run(program, args, options);
  }
  async close(): Promise<void> {
    await this.ours.stop();
    await this.namespace.close();
  }
}

describe('Linux over a TAP interface', () => {
  let pair: Pair;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'demi-peers-'));
    if (isPossible) pair = await Pair.make();
  });
  afterAll(async () => {
    await pair?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  testWith('ping')('ping: of several sizes, many at once, and after the neighbor was forgotten', async () => {
    // 1472 bytes and their headers are the MTU; with -M do none may be cut.
    for (const size of [0, 56, 1000, 1472]) {
      const { out } = await pair.run(`ping -n -c 3 -i 0.05 -W 5 -M do -s ${size} ${OURS}`);
      expect(out).toContain('3 packets transmitted, 3 received, 0% packet loss');
    }
    // As fast as answers come: those beyond the limit of answers per second are none, and counted.
    const { out } = await pair.run(`ping -n -q -f -c 500 -w 20 ${OURS}`);
    const [, transmitted, received] = /(\d+) packets transmitted, (\d+) received/.exec(out)!.map(Number);
    expect(received).toBeGreaterThanOrEqual(500);
    const { icmpRateLimited } = (await pair.ours.do('stats')).network.stack;
    // The last of them are on their way when ping has enough.
    expect(transmitted - received - icmpRateLimited).toBeGreaterThanOrEqual(0);
    expect(transmitted - received - icmpRateLimited).toBeLessThan(10);
    await pair.namespace.ip('neigh flush dev demi0');
    expect((await pair.run(`ping -n -c 1 -W 5 ${OURS}`)).status).toBe(0);
    // Somebody who is not there.
    expect((await pair.run('ping -n -c 1 -W 1 10.77.0.99')).status).not.toBe(0);
  });

  testWith('arping')('arping: we have our address, and no other', async () => {
    const { out, status } = await pair.run(`arping -c 3 -w 10 -I demi0 ${OURS}`);
    expect({ status, received: /Received (\d+) response/.exec(out)?.[1] }).toEqual({ status: 0, received: '3' });
    expect(out.toLowerCase()).toContain('02:00:0a:4d:00:02');
    // RFC 5227: who wants to take the address (-D asks as nobody, 0.0.0.0) is told that it is taken.
    expect((await pair.run(`arping -D -c 2 -w 10 -I demi0 ${OURS}`)).status).toBe(1);
    expect((await pair.run('arping -D -c 1 -w 1 -I demi0 10.77.0.99')).status).toBe(0);
  });

  testWith('nc')('nc: a file there, a file back, and nc as the server', async () => {
    const sent = randomBytes(3_000_001);
    const file = join(folder, 'sent');
    writeFileSync(file, sent);
    const shell = (command: string) => pair.namespace.must('sh', ['-c', command]) as Promise<string>;
    const said = JSON.parse(await shell(`nc -N ${OURS} 9 < ${file}`)) as Said;
    expect(said).toEqual({ bytes: sent.length, sha256: sha256(sent) });
    await shell(`nc -N ${OURS} 7 < ${file} > ${file}.back`);
    expect(sha256(readFileSync(`${file}.back`))).toBe(sha256(sent));

    const server = pair.namespace.run('sh', ['-c', `printf '${GREETING}' | nc -l -N ${LINUX} 7000 > ${file}.served`]);
    await shell('while ! ss -Hltn sport = 7000 | grep -q LISTEN; do sleep 0.05; done');
    const gave = await pair.ours.do('give', { host: LINUX, port: 7000, bytes: 2_000_000 });
    expect(gave.said).toBe(GREETING);
    expect((await server).status).toBe(0);
    expect(sha256(readFileSync(`${file}.served`))).toBe(gave.sha256);
  });

  testWith('curl')('curl: 10,000 requests over one connection, and 10,000 with a connection each', async () => {
    const all = Array.from({ length: 10_000 }, (_, i) => `you asked for /${i + 1}`);
    const ask = async (options: string): Promise<string[]> => (await pair.run(`curl -sS --max-time 60 ${options} http://${OURS}/[1-10000]`)).out.trim().split('\n');
    const before = (await pair.ours.do('stats')).network.tcp;
    expect(await ask('')).toEqual(all);
    const between = (await pair.ours.do('stats')).network.tcp;
    expect(between.passiveOpens - before.passiveOpens).toBe(1);
    expect(await ask('-H Connection:close')).toEqual(all);
    const after = (await pair.ours.do('stats')).network.tcp;
    expect(after.passiveOpens - between.passiveOpens).toBe(10_000);
    expect(after.failedOpens - before.failedOpens).toBe(0);
  });

  // iperf3 wants iperf3 at the other end, so our side passes its connections on to one that listens on the loopback interface: all that it measures
  // goes through our TCP, whose socket is the passive one in the first case and the active one in the second.
  testWith('iperf3')('iperf3: both directions, both at once, and eight in parallel; we are opened, and we open', async () => {
    const server = pair.namespace.start('iperf3', ['-s', '-p', '5201']);
    try {
      await pair.namespace.must('sh', ['-c', 'while ! ss -Hltn sport = 5201 | grep -q LISTEN; do sleep 0.05; done']);
      await pair.ours.do('relay', { from: 5202, host: LINUX, port: 5201 });
      for (const [target, ways] of [[`${OURS} -p 5201`, ['', '-R', '--bidir', '-P 8', '-P 8 -R']], ['127.0.0.1 -p 5202', ['', '-R']]] as const) {
        for (const way of ways) {
          const { out } = await pair.run(`iperf3 -J -t 1 -c ${target} ${way}`.trim());
          const { error, end } = JSON.parse(out);
          expect({ target, way, error }).toEqual({ target, way, error: undefined });
          const streams = end.streams.length as number;
          expect(streams).toBe(way.startsWith('-P 8') ? 8 : way === '--bidir' ? 2 : 1);
          for (const { receiver } of end.streams) expect(receiver.bytes).toBeGreaterThan(100_000);
        }
      }
    } finally {
      server.kill('SIGTERM');
    }
  });

  testWith()('one gigabyte each way, with Linux as the client and as the server', async () => {
    const told = ({ said }: { said: string }): Said => JSON.parse(said) as Said;
    const toUs = await pair.linux.do('give', { host: OURS, port: 9, bytes: GIGABYTE });
    expect(told(toUs)).toEqual({ bytes: GIGABYTE, sha256: toUs.sha256 });
    // The pattern is the same one.
    const { sha256: pattern } = toUs as Said;
    await pair.ours.do('offer', { bytes: GIGABYTE });
    expect(await pair.linux.do('fetch', { host: OURS, port: 19 })).toMatchObject({ bytes: GIGABYTE, sha256: pattern });
    const toLinux = await pair.ours.do('give', { host: LINUX, port: 9, bytes: GIGABYTE });
    expect([told(toLinux), toLinux.sha256]).toEqual([{ bytes: GIGABYTE, sha256: pattern }, pattern]);
    await pair.linux.do('offer', { bytes: GIGABYTE });
    expect(await pair.ours.do('fetch', { host: LINUX, port: 19 })).toMatchObject({ bytes: GIGABYTE, sha256: pattern });
  });
});

// What may be said of a capture of a link on which nothing is lost:
// - a receiver that is slower than its sender closes its window, and the sender finds that out: full windows, closed ones, their probes;
// - an end is announced by notes of its own.
const HARMLESS =
  /^(TCP window specified by the receiver is now completely full|TCP Zero Window segment|TCP zero window probe|ACK to a TCP zero window probe|TCP window update|This frame (initiates|undergoes) the connection closing)/;
// A stack that was not run for so long (the machine has other work) may take what it waits for as lost, rightly.
const STOOD_STILL_MS = 190;

testWith('tshark', 'ping', 'curl', 'nc')('a third party finds no fault in a capture of all that', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'demi-peers-'));
  try {
    const file = join(folder, 'capture.pcap');
    const pair = await Pair.make({ DEMI_PCAP: file });
    try {
      // Linux repeats the end of what it has sent when nobody answers for some milliseconds (RFC 8985 7), as happens where others want to run, too.
      await pair.namespace.set('ipv4/tcp_early_retrans', 0);
      await pair.run(`ping -n -c 3 -i 0.05 ${OURS}`);
      await pair.run(`curl -sS http://${OURS}/[1-100]`);
      await pair.run(`curl -sS -H Connection:close http://${OURS}/[1-100]`);
      expect((await pair.run(`nc -N ${OURS} 9`)).status).toBe(0);
      await pair.linux.do('give', { host: OURS, port: 9, bytes: 4_000_000 });
      await pair.ours.do('give', { host: LINUX, port: 9, bytes: 4_000_000 });
      for (const one of [pair.ours, pair.linux]) await one.do('offer', { bytes: 4_000_000 });
      await pair.linux.do('fetch', { host: OURS, port: 19 });
      await pair.ours.do('fetch', { host: LINUX, port: 19 });
      // Refused, by either.
      await expect(pair.ours.do('fetch', { host: LINUX, port: 1 })).rejects.toThrow('ECONNREFUSED');
    } finally {
      await pair.close();
    }
    const found = readCapture(file, OURS, { checksumsAreFinished: false });
    // Long segments are whole in it, both ways.
    expect(found.frames).toBeGreaterThan(1000);
    expect([found.malformed, found.beyondWindow]).toEqual([[], []]);
    const again = [...found.again.ours, ...found.again.theirs];
    expect(again.filter(({ waitedMs }: { waitedMs: number }) => waitedMs < STOOD_STILL_MS)).toEqual([]);
    // Then tshark says so, too, and of what follows from it.
    const stoodStill = again.length > 0;
    const experts = found.experts as { isOurs: boolean; message: string }[];
    const isRefusal = ({ message }: { message: string }) => /^Connection reset/.test(message);
    expect(found.resets.map(({ isOurs }: { isOurs: boolean }) => isOurs)).toEqual([false]);
    if (!stoodStill) expect(experts.filter((one) => !HARMLESS.test(one.message) && !isRefusal(one))).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
