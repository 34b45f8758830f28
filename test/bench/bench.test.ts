// What the benchmarks rest on is right, and each of them runs: in its shortest mode, whose figures mean nothing.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { checkConfig } from '../../lib/core/config';

const { Histogram, bucketOf, valueOf } = require('./support/histogram');
const { formatTable, median, root } = require('./support/measure');
const { readArguments } = require('./support/load');
const { judge, summarize } = require('./support/network-bench');
const { catnap, hub, memif, networkArguments, veth } = require('./support/networks');
const { parseCalls } = require('./support/process-pair');
const { grownWith, parseSlabs } = require('./support/slabs');

const hasDpdk = process.env['DEMI_REQUIRE_ALL'] === '1' || memif() !== undefined;
/** Who takes part over memif, where there is DPDK. */
const OVER_MEMIF: Record<string, string[]> = {
  bulk: ['catnip awaited, memif', 'C, raw memif'],
  connect: ['catnip awaited, memif'],
  idle: ['catnip, memif, pending pop', 'catnip, memif, awaited pop'],
  rate: ['catnip awaited, memif', 'catnip wait set, memif'],
  rtt: ['catnip awaited, memif', 'catnip demi_wait, memif', 'C, raw memif'],
  tail: ['catnip, memif, awaited'],
};

describe('the histogram', () => {
  test('knows a value to 3 %', () => {
    for (let ns = 1; ns < 2 ** 32; ns = Math.ceil(ns * 1.01)) {
      expect(Math.abs(valueOf(bucketOf(ns)) - ns)).toBeLessThanOrEqual(ns * 0.03);
    }
  });

  test('its buckets follow each other without a gap', () => {
    const gaps = [];
    for (let ns = 1; ns < 100_000; ++ns) {
      const step = bucketOf(ns) - bucketOf(ns - 1);
      if (step !== 0 && step !== 1) gaps.push(ns);
    }
    expect(bucketOf(0)).toBe(0);
    expect(gaps).toEqual([]);
    expect(bucketOf(2 ** 32 - 1)).toBeLessThan(1024);
  });

  test('percentiles', () => {
    const histogram = new Histogram();
    for (let i = 1; i <= 1000; ++i) histogram.record(i);
    expect(histogram.percentile(50) / 500).toBeCloseTo(1, 1);
    expect(histogram.percentile(99) / 990).toBeCloseTo(1, 1);
    expect(histogram.percentile(99.9) / 999).toBeCloseTo(1, 1);
    expect(new Histogram().percentile(50)).toBeNaN();
  });

  test('percentiles of the time', () => {
    const histogram = new Histogram();
    // 9 of 10 are short, and take 9 of 19 moments.
    for (let i = 0; i < 90; ++i) histogram.record(1000);
    for (let i = 0; i < 10; ++i) histogram.record(10_000);
    expect(histogram.percentileOfTime(45) / 1000).toBeCloseTo(1, 1);
    expect(histogram.percentileOfTime(50) / 10_000).toBeCloseTo(1, 1);
    expect(histogram.percentile(50) / 1000).toBeCloseTo(1, 1);
    expect(new Histogram().percentileOfTime(50)).toBeNaN();
  });

  test('what is longer than it can tell is in its last bucket', () => {
    const histogram = new Histogram();
    histogram.record(1e12);
    expect(histogram.percentile(100)).toBeGreaterThan(4e9);
  });

  test('pairs carry it from one process to another', () => {
    const histogram = new Histogram();
    for (const ns of [5, 5, 70, 1_000_000]) histogram.record(ns);
    const other = new Histogram().add(histogram.toPairs());
    expect(other.total).toBe(4);
    expect(other.toPairs()).toEqual(histogram.toPairs());
  });
});

test('the table has the first column to the left, the last as it is, and the others to the right', () => {
  expect(formatTable(['', 'us', ''], [['catnap', '9.5', 'a note'], ['C', '10.25', '']])).toBe('           us\ncatnap    9.5  a note\nC       10.25\n');
});

test('the median', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
});

describe('system calls are read from', () => {
  test('perf', () => {
    expect(parseCalls('# started\n\n12,,syscalls:sys_enter_sendto,1,100.00,,\n0,,syscalls:sys_enter_read,1,100.00,,\n', 'perf')).toEqual({ sendto: 12 });
  });

  test('strace', () => {
    const text = '% time seconds usecs/call calls errors syscall\n------ ---\n 60.00 0.000500 5 100 3 recvfrom\n 40.00 0.000100 1 7 sendto\n100.00 0.0006 5 107 3 total\n';
    expect(parseCalls(text, 'strace')).toEqual({ recvfrom: 100, sendto: 7 });
  });
});

describe('samples', () => {
  const sample = (figure: number, othersShare: number): object => ({
    figure, othersShare, histogram: [[10, 1]], serverCpu: 100, clientCpu: 50, messages: 10,
  });
  const figureOf = ({ figure }: { figure: number }): number => figure;

  test('that others disturbed do not count where 3 others remain', () => {
    const summary = summarize([sample(1, 0), sample(2, 0), sample(3, 0), sample(99, 0.5)], figureOf);
    expect(summary).toMatchObject({ median: 2, min: 1, max: 3, samples: 4, disturbed: 1, disturbedUsed: false, serverCpu: 10, clientCpu: 5 });
  });

  test('that others disturbed count where fewer remain, and that is said', () => {
    expect(summarize([sample(1, 0), sample(9, 0.5)], figureOf)).toMatchObject({ median: 5, disturbed: 1, disturbedUsed: true });
  });
});

test('a goal is met, missed, or could not be measured', () => {
  const goal = (value: number): object => ({ text: '', value: () => value, met: (reached: number) => reached >= 1 });
  expect(judge([goal(2), goal(0.5), goal(NaN)], {}).map(({ met }: { met?: boolean }) => met)).toEqual([true, false, undefined]);
});

describe('networks', () => {
  test('give each end a configuration that createLibOS takes, and the addresses of the server', () => {
    const network = hub(2);
    const [server, client] = ['server', 'client'].map((role) => readArguments(networkArguments(network, role)));
    expect(JSON.parse(server.config)).toEqual({ libos: 'catpowder', device: { hub: 'bench' }, inet: { addresses: ['10.77.0.1/24', '10.77.0.11/24'] } });
    expect(JSON.parse(client.config)).toMatchObject({ libos: 'catpowder', inet: { addresses: ['10.77.0.2/24'] } });
    expect(client.to.split(',')).toEqual(['10.77.0.1', '10.77.0.11']);
    for (const { config } of [server, client]) expect(checkConfig(JSON.parse(config), 'a test').libos).toBe('catpowder');
  });

  test('of interfaces are left out where there are none', () => {
    expect(veth(undefined)).toBeUndefined();
    expect(veth({ server: 'a', client: 'b' }).client.device).toEqual({ interface: 'b' });
  });

  (hasDpdk ? test : test.skip)('of shared memory have as many addresses of the client as are asked for, which it binds to', () => {
    const network = memif(3);
    const [server, client] = ['server', 'client'].map((role) => readArguments(networkArguments(network, role)));
    expect(server.from).toBeUndefined();
    expect(client).toMatchObject({ to: '10.77.0.1', from: '10.77.0.2,10.77.0.129,10.77.0.130' });
    expect(JSON.parse(client.config).inet.addresses).toEqual(client.from.split(',').map((address: string) => `${address}/24`));
    for (const { config } of [server, client]) expect(checkConfig(JSON.parse(config), 'a test').libos).toBe('catnip');
    expect(memif().from).toBeUndefined();
  });

  test('of the kernel have as many addresses as are asked for', () => {
    expect(catnap(3).to).toEqual(['127.0.0.1', '127.0.0.2', '127.0.0.3']);
  });
});

test('an argument may hold what separates its name from its value', () => {
  expect(readArguments(['echo', 'a=1', 'b=x=y', 'c='])).toEqual({ a: 1, b: 'x=y', c: '' });
});

describe('slab caches', () => {
  const text = (sockets: number, slabs: number, others: number): string =>
    `slabinfo - version: 2.1\n# name\nTCP  ${sockets}  ${sockets}  2432  13  8 : tunables 0 0 0 : slabdata  ${slabs}  ${slabs}  0\n` +
    `dentry  ${others}  ${others}  192  21  1 : tunables 0 0 0 : slabdata  10  10  0\n`;

  test('are counted by their pages', () => {
    expect(parseSlabs(text(26, 2, 40)).get('TCP')).toEqual({ objects: 26, bytes: 2 * 8 * 4096 });
  });

  test('count where they have grown with the connections', () => {
    const [before, after] = [parseSlabs(text(13, 1, 40)), parseSlabs(text(39, 3, 45))];
    expect(grownWith(13, before, after)).toEqual({ TCP: 2 * 8 * 4096 });
    expect(grownWith(13, undefined, after)).toBeUndefined();
  });

  test('of files do not count, whatever they have grown by', () => {
    const inodes = (count: number): string => text(13, 1, 40).replace('dentry', 'proc_inode_cache').replace(/ 40 /g, ` ${count} `);
    expect(parseSlabs(inodes(90)).get('proc_inode_cache').objects).toBe(90);
    expect(grownWith(13, parseSlabs(inodes(40)), parseSlabs(inodes(90)))).toEqual({});
  });
});

const onLinux = process.platform === 'linux' ? describe : describe.skip;

onLinux('in its shortest mode', () => {
  const names = readdirSync(__dirname).filter((file) => file.endsWith('.js') && !['run.js', 'chart.js'].includes(file)).map((file) => file.replace('.js', ''));

  test.each(names)('%s runs', (name) => {
    const results = join(root, 'bench-results', 'smoke', `${name}.json`);
    rmSync(results, { force: true });
    const { status, stdout, stderr } = spawnSync(process.execPath, ['test/bench/run.js', '--smoke', name], { cwd: root, encoding: 'utf8' });
    expect({ status, stderr: status === 0 ? '' : stderr + stdout }).toEqual({ status: 0, stderr: '' });
    expect(existsSync(results)).toBe(true);
    const written = JSON.parse(readFileSync(results, 'utf8'));
    expect(written).toMatchObject({ name, mode: 'smoke', goals: expect.any(Array) });
    expect(stdout).toContain('goal');
    if (!hasDpdk || OVER_MEMIF[name] === undefined) return;
    const [contestants] = Object.values(written.cases) as Record<string, { median: number }>[];
    for (const who of OVER_MEMIF[name]) expect({ who, median: contestants[who]?.median }).toEqual({ who, median: expect.any(Number) });
  }, 600_000); // some compile a program first
});
