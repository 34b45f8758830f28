// The command `npm run fuzz`: what it understands, what it refuses, and that it says so. The targets themselves are run by npm test.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { figuresOf, parseCommand, targets } = require('./run');

function run(args: string[], env: NodeJS.ProcessEnv = process.env): { status: number | null; stderr: string } {
  return spawnSync(process.execPath, [join(__dirname, 'run.js'), ...args], { encoding: 'utf8', env, timeout: 20_000 });
}

test('there is a target for every source of the folder', () => {
  expect(targets).toContain('stack_frames');
  expect(targets).toEqual(
    readdirSync(__dirname)
      .filter((name) => name.endsWith('.cc'))
      .map((name) => name.replace(/\.cc$/, ''))
      .sort(),
  );
});

test('minutes, and all targets or those that are named', () => {
  expect(parseCommand(['--minutes', '1.5'])).toMatchObject({ mode: 'fuzz', minutes: 1.5, targets });
  expect(parseCommand(['wire_tcp', '--minutes', '2', 'wire_udp'])).toMatchObject({ minutes: 2, targets: ['wire_tcp', 'wire_udp'] });
  expect(parseCommand(['--merge', 'wire_tcp'])).toMatchObject({ mode: 'merge', targets: ['wire_tcp'] });
  expect(parseCommand(['--check', '--report', 'file'])).toMatchObject({ mode: 'check', report: 'file', targets });
});

test.each([
  [[], 'How long?'],
  [['wire_tcp'], 'How long?'],
  [['--minutes'], '--minutes needs a value'],
  [['--minutes', '0'], "--minutes takes a positive number, and not '0'"],
  [['--minutes', '-1'], "--minutes takes a positive number, and not '-1'"],
  [['--minutes', 'soon'], "--minutes takes a positive number, and not 'soon'"],
  [['--minutes', 'Infinity'], "--minutes takes a positive number, and not 'Infinity'"],
  [['--minutes', ''], "--minutes takes a positive number, and not ''"],
  [['--minutes', '1', 'wire_ftp'], 'There is no fuzz target wire_ftp. There are: '],
  [['--minutes', '1', '--fast'], 'There is no option --fast'],
  [['--minutes', '1', '--merge'], 'at a time'],
  [['--minutes', '1', '--report', 'file'], '--report goes with --check only'],
])('%j is refused with a sentence', (args, sentence) => {
  expect(() => parseCommand(args)).toThrow(sentence);
});

test('a wrong command ends with status 2, and nothing is built', () => {
  const { status, stderr } = run(['--minutes', 'soon']);
  expect(stderr).toBe("--minutes takes a positive number, and not 'soon'.\n");
  expect(status).toBe(2);
});

test('without clang++ it says what to install', () => {
  const empty = mkdtempSync(join(tmpdir(), 'demi-no-clang-'));
  try {
    symlinkSync(process.execPath, join(empty, 'node'));
    const { status, stderr } = run(['--minutes', '1'], { ...process.env, PATH: empty });
    expect(stderr).toBe('The fuzz targets need clang++ with libFuzzer (Debian: apt-get install clang libclang-rt-14-dev).\n');
    expect(status).toBe(2);
  } finally {
    rmSync(empty, { recursive: true });
  }
});

test('the figures of a run are read from what libFuzzer says', () => {
  const text = [
    '#2\tINITED cov: 10 ft: 20 corp: 1/1b exec/s: 0 rss: 30Mb',
    '#99\tDONE   cov: 123 ft: 456 corp: 7/8b lim: 4 exec/s: 50 rss: 31Mb',
    'stat::number_of_executed_units: 99',
    'stat::average_exec_per_sec:     50',
    'stat::new_units_added:          6',
  ].join('\n');
  expect(figuresOf(text)).toEqual({ executions: 99, perSecond: 50, coverage: 123, found: 6 });
});
