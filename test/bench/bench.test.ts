// What the benchmarks rest on is right, and each of them runs: in its shortest mode, whose figures mean nothing.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const { Histogram, bucketOf, valueOf } = require('./support/histogram');
const { formatTable, median, root } = require('./support/measure');
const { judge, summarize } = require('./support/network-bench');
const { parseCalls } = require('./support/process-pair');

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

const onLinux = process.platform === 'linux' ? describe : describe.skip;

onLinux('in its shortest mode', () => {
  const names = readdirSync(__dirname).filter((file) => file.endsWith('.js') && file !== 'run.js').map((file) => file.replace('.js', ''));

  test.each(names)('%s runs', (name) => {
    const results = join(root, 'bench-results', 'smoke', `${name}.json`);
    rmSync(results, { force: true });
    const { status, stdout, stderr } = spawnSync(process.execPath, ['test/bench/run.js', '--smoke', name], { cwd: root, encoding: 'utf8' });
    expect({ status, stderr: status === 0 ? '' : stderr + stdout }).toEqual({ status: 0, stderr: '' });
    expect(existsSync(results)).toBe(true);
    expect(JSON.parse(readFileSync(results, 'utf8'))).toMatchObject({ name, mode: 'smoke', goals: expect.any(Array) });
    expect(stdout).toContain('goal');
  }, 300_000); // `stack` compiles its program first
});
