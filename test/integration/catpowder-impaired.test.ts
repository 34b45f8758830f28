// catpowder and Linux over links that lose, double, damage, delay and reorder, both ways:
//
//   Linux ==left== relay ==right== router ==demi0== our stack
//
// Linux and the router are network namespaces. The router's nftables lose and double packets, and damage those for us; those for Linux are damaged as
// they arrive there, when the device has finished their checksums. The relay (test/peers/relay.cc) delays and reorders, and makes Linux cut its
// segments itself. All must arrive as it was sent, and of each capture a third party must be able to explain what happened.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { Namespace, Peer, Relay, buildRelay } = require('../peers/network');
const { readCapture } = require('../peers/capture');

const { canMakeNamespaces: isPossible } = require('../setup/namespaces') as { canMakeNamespaces: boolean };
const required = process.env['DEMI_REQUIRE_ALL'] === '1';
const PROGRAMS = ['nft', 'tshark', 'ping', 'curl', 'nc'];
const has = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
const describeWithAll = required || (isPossible && PROGRAMS.every(has)) ? describe : describe.skip;

jest.setTimeout(180_000);

const LINUX = '10.78.0.2';
const OURS = '10.77.0.2';
const PATTERN_BYTES = 1_500_000;

interface Link {
  /** Of a thousand packets each way. */
  lost?: number;
  doubled?: number;
  damaged?: number;
  /** For the relay. */
  relay?: Record<string, number>;
}

// Named, so that it can be seen that they were needed. `to us` is what the router forwards to demi0. A byte of TCP's options, or of its text, is
// overwritten, which no checksum misses.
const rulesOfRouter = ({ lost = 0, doubled = 0, damaged = 0 }: Link): string => `
  table ip link {
    counter lost_to_us {}
    counter lost_to_linux {}
    counter doubled_to_us {}
    counter doubled_to_linux {}
    counter damaged_to_us {}
    chain forward {
      type filter hook forward priority 0
      oifname demi0 numgen random mod 1000 < ${lost} counter name lost_to_us drop
      oifname right numgen random mod 1000 < ${lost} counter name lost_to_linux drop
      oifname demi0 numgen random mod 1000 < ${doubled} dup to ${OURS} device demi0 counter name doubled_to_us
      oifname right numgen random mod 1000 < ${doubled} dup to ${LINUX} device right counter name doubled_to_linux
      oifname demi0 ip protocol tcp numgen random mod 1000 < ${damaged} @th,160,8 set 0x55 counter name damaged_to_us
    }
  }`;
const rulesOfLinux = ({ damaged = 0 }: Link): string => `
  table ip link {
    counter damaged_to_linux {}
    chain prerouting {
      type filter hook prerouting priority -300
      ip protocol tcp numgen random mod 1000 < ${damaged} @th,160,8 set 0x55 counter name damaged_to_linux
    }
  }`;

interface Again {
  waitedMs: number;
  holeWasReported: boolean;
  hadTimedOut: boolean;
}

class Network {
  linux: any;
  router: any;
  relay: any;
  ours: any;
  theirs: any;

  async make(link: Link, linuxCongestion: string, ourCongestion: string, capture: string): Promise<void> {
    this.linux = await Namespace.make();
    this.router = await Namespace.make();
    this.relay = await Relay.between([this.linux, 'left'], [this.router, 'right'], link.relay ?? {});
    await this.linux.address('left', `${LINUX}/24`);
    await this.linux.ip(`route add default via 10.78.0.1 congctl ${linuxCongestion}`);
    await this.router.address('right', '10.78.0.1/24');
    await this.router.set('ipv4/ip_forward', 1);
    const args = ['demi', 'device=tap:demi0', `address=${OURS}/24`, 'gateway=10.77.0.1', `congestion=${ourCongestion}`];
    this.ours = await Peer.start(this.router, args, { DEMI_PCAP: capture });
    await this.router.address('demi0', '10.77.0.1/24');
    this.theirs = await Peer.start(this.linux, ['net']);
    // The link is well until everybody knows whom to send to: that ARP is answered in spite of losses is tested elsewhere.
    await this.linux.must('ping', ['-n', '-c', '1', '-W', '5', OURS]);
    await this.router.must('nft', [rulesOfRouter(link)]);
    await this.linux.must('nft', [rulesOfLinux(link)]);
  }

  async counters(): Promise<Record<string, number>> {
    const found: Record<string, number> = {};
    for (const namespace of [this.router, this.linux]) {
      const { nftables } = JSON.parse(await namespace.must('nft', ['-j', 'list', 'counters']));
      for (const { counter } of nftables) if (counter !== undefined) found[counter.name] = counter.packets;
    }
    return found;
  }

  /** Until every end has got through, which on such a link takes some tries: behind that nothing moves that a count would miss. */
  async rest(): Promise<void> {
    const end = Date.now() + 20_000;
    const isEnding = async (): Promise<boolean> => {
      const states = ['fin-wait-1', 'closing', 'last-ack'].flatMap((state) => ['state', state]);
      return (await this.ours.do('stats')).closing > 0 || (await this.linux.must('ss', ['-Htn', ...states])).trim() !== '';
    };
    while (await isEnding()) {
      if (Date.now() > end) throw new Error('connections do not come to their end');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async close(): Promise<void> {
    for (const namespace of [this.linux, this.router]) await namespace?.close();
  }
}

/** Some bytes each way, either of us opening; programs; everything whole. */
async function exchange(network: Network): Promise<void> {
  const { linux, ours, theirs } = network;
  const toUs = await theirs.do('give', { host: OURS, port: 9, bytes: PATTERN_BYTES });
  const whole = { bytes: PATTERN_BYTES, sha256: toUs.sha256 };
  expect(JSON.parse(toUs.said)).toEqual(whole);
  const toLinux = await ours.do('give', { host: LINUX, port: 9, bytes: PATTERN_BYTES });
  expect(JSON.parse(toLinux.said)).toEqual(whole);
  for (const one of [ours, theirs]) await one.do('offer', { bytes: PATTERN_BYTES });
  expect(await theirs.do('fetch', { host: OURS, port: 19 })).toMatchObject(whole);
  expect(await ours.do('fetch', { host: LINUX, port: 19 })).toMatchObject(whole);
  expect(JSON.parse(await linux.must('sh', ['-c', `head -c 300000 /dev/zero | nc -N ${OURS} 9`]))).toMatchObject({ bytes: 300_000 });
  const answers = await linux.must('curl', ['-sS', '--max-time', '60', `http://${OURS}/[1-50]`, '-H', 'Connection: close']);
  expect(answers).toBe(Array.from({ length: 50 }, (_, i) => `you asked for /${i + 1}\n`).join(''));
  const ping = await linux.run('ping', ['-n', '-c', '20', '-i', '0.02', '-W', '2', OURS]);
  expect(Number(/(\d+) received/.exec(ping.out)![1])).toBeGreaterThan(5);
}

/** What Linux has found damaged, by /proc/net/snmp. */
async function badChecksumsOfLinux(linux: any): Promise<number> {
  const [names, values] = (await linux.must('grep', ['^Tcp:', '/proc/net/snmp'])).split('\n').map((line: string) => line.split(' '));
  return Number(values[names.indexOf('InCsumErrors')]);
}

describeWithAll('a bad link', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'demi-impaired-'));
    buildRelay();
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const late = { delay_us: 2000, rate_mbit: 200, queue_bytes: 500_000 };
  const unruly = { ...late, jitter_us: 1500, reorder: 0.03, reorder_delay_us: 3000 };
  const CASES: [string, Link, linux: string, ours: string][] = [
    ['loses', { lost: 20, relay: late }, 'cubic', 'cubic'],
    ['loses, with Reno', { lost: 20, relay: late }, 'reno', 'newreno'],
    ['doubles', { doubled: 50, relay: late }, 'cubic', 'newreno'],
    ['damages', { damaged: 20, relay: late }, 'reno', 'cubic'],
    ['delays and reorders', { relay: unruly }, 'cubic', 'cubic'],
    ['does all of that', { lost: 10, doubled: 20, damaged: 10, relay: unruly }, 'reno', 'cubic'],
  ];

  test.each(CASES)('that %s', async (name, link, linuxCongestion, ourCongestion) => {
    const file = join(folder, `${name.replace(/\W+/g, '-')}.pcap`);
    const network = new Network();
    try {
      await network.make(link, linuxCongestion, ourCongestion, file);
      const { linux, ours } = network;
      const idle = linux.start('nc', ['-N', OURS, '7'], { input: 'pipe' });
      await linux.must('sh', ['-c', `until ss -Htin state established dst ${OURS} | grep -qw ${linuxCongestion}; do sleep 0.05; done`], { timeoutMs: 10_000 });
      idle.kill('SIGKILL');
      await exchange(network);
      await network.rest();

      const counters = await network.counters();
      const { stack, tcp } = (await ours.do('stats')).network;
      const badAtLinux = await badChecksumsOfLinux(linux);
      const relayed = await network.relay.stop();
      await ours.stop();

      // What was wanted has happened, both ways, and nothing else.
      for (const way of ['to_us', 'to_linux']) {
        for (const kind of ['lost', 'doubled', 'damaged'] as const) expect([kind, way, counters[`${kind}_${way}`]! > 0]).toEqual([kind, way, (link[kind] ?? 0) > 0]);
      }
      expect([relayed.toRight.reordered > 0, relayed.toLeft.reordered > 0]).toEqual(Array(2).fill(link.relay!['reorder'] !== undefined));
      // What was damaged was found out, by both.
      expect(stack.tcpBadChecksum).toBe(counters['damaged_to_us']);
      expect(badAtLinux).toBe(counters['damaged_to_linux']);

      const found = readCapture(file, OURS);
      expect([found.malformed, found.beyondWindow]).toEqual([[], []]);
      expect(found.damaged).toBe(stack.tcpBadChecksum);
      // Each segment that we have sent again was in doubt: a hole had been reported since it left, or a timeout had passed.
      const again = found.again.ours as Again[];
      expect(again.filter(({ waitedMs, holeWasReported, hadTimedOut }) => !holeWasReported && !hadTimedOut && waitedMs < 190)).toEqual([]);
      // Duplicates are no reason.
      const isOrderly = link.lost === undefined && link.damaged === undefined && link.relay!['reorder'] === undefined;
      if (isOrderly && relayed.toLeft.queueFull === 0) expect(again.filter(({ waitedMs }) => waitedMs < 190)).toEqual([]);
      else expect(again.length).toBeGreaterThan(0);
      expect(tcp.outsideWindow + tcp.ackOfUnsent + tcp.sackInvalid).toBeLessThanOrEqual(counters['doubled_to_us']! + found.again.theirs.length);
      expect(found.resets.filter(({ isBehindTheEnd }: { isBehindTheEnd: boolean }) => !isBehindTheEnd)).toEqual([]);
      // And what tshark warns of is of losses and order, nothing else. (One byte that comes late looks like a keepalive.)
      const EXPLAINED =
        /retransmission|out-of-order|Duplicate ACK|Previous segment|ACKed segment that wasn't captured|D-SACK|keep-alive|connection closing|window (specified|update)|zero window|Connection reset/i;
      const others = (found.experts as { message: string; severity: string }[]).filter(({ message }) => !EXPLAINED.test(message));
      expect(others).toEqual([]);
    } finally {
      await network.close();
    }
  });
});
