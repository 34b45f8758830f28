// The chart of results: bars as long as what they stand for, ratios, and an SVG that is one.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { draw, panelsOf, tickStep } = require('./chart');

const figure = (median: number): object => ({ median, min: median * 0.9, max: median * 1.1 });
const machine = { cpu: 'A <fast> one', cpus: 2, kernel: 'Linux 6', node: 'v20', date: '2026-01-02T03:04:05Z' };
const latency = {
  name: 'rtt', unit: 'us', machine,
  cases: { 'one message': { 'catnap awaited': figure(20), 'Node net': figure(100), 'C & more': figure(40) }, another: { catmem: figure(1) } },
};
const rate = { name: 'rate', unit: 'k/s', machine, cases: { '256 x 1': { 'catnap awaited': figure(90), 'Node net': figure(45) } } };

/** The bars, in their order: what they are, and how wide. */
function barsOf(svg: string): { kind: string; width: number }[] {
  return [...svg.matchAll(/<rect [^>]*width="([\d.]+)"[^>]*class="(\w+)"/g)].map(([, width, kind]) => ({ kind, width: Number(width) }));
}

/** Whether each element that is opened is closed, in the right order. */
function isBalanced(svg: string): boolean {
  const open: string[] = [];
  for (const [, slash, name, self] of svg.matchAll(/<(\/?)(\w+)[^>]*?(\/?)>/g)) {
    if (slash === '/') {
      if (open.pop() !== name) return false;
    } else if (self !== '/') {
      open.push(name);
    }
  }
  return open.length === 0;
}

test('times are the better the shorter, rates the better the longer', () => {
  const [times] = panelsOf(latency);
  expect(times.rows.map(({ ahead }: { ahead: number }) => ahead)).toEqual([5, 1, 2.5]);
  const [rates] = panelsOf(rate);
  expect(rates.rows.map(({ ahead }: { ahead: number }) => ahead)).toEqual([2, 1]);
});

test('a panel for each case, or for the one that is named', () => {
  expect(panelsOf(latency).map(({ title }: { title: string }) => title)).toEqual(['rtt: one message', 'rtt: another']);
  expect(panelsOf(latency, 'another')).toHaveLength(1);
  expect(() => panelsOf(latency, 'none')).toThrow("rtt has no case 'none'. It has: one message, another");
});

test('nobody is compared with a contestant that did not take part', () => {
  const [, panel] = panelsOf(latency);
  expect(panel).toMatchObject({ against: undefined, rows: [{ ahead: undefined }] });
  expect(draw([panel], '')).not.toContain('in brackets');
});

test('results of one table have one panel', () => {
  const panels = panelsOf({ name: 'token', unit: 'ns', machine, results: { 'demi-io': figure(90), PassThrough: figure(900) } }, undefined, ['PassThrough']);
  expect(panels).toMatchObject([{ title: 'token', unit: 'ns', rows: [{ ahead: 10 }, { ahead: 1 }] }]);
});

test('results without a unit are refused', () => {
  expect(() => panelsOf({ name: 'rtt', machine, cases: {} })).toThrow('no results with a unit');
});

test('bars are as long as their medians, and ours have a color of their own', () => {
  const bars = barsOf(draw(panelsOf(latency, 'one message'), 'source'));
  expect(bars.map(({ kind }) => kind)).toEqual(['ours', 'other', 'other']);
  expect(bars[1].width / bars[0].width).toBeCloseTo(5, 1);
  expect(bars[1].width / bars[2].width).toBeCloseTo(2.5, 1);
});

test('the text says the figure, the ratio, the axis, and is escaped', () => {
  const svg = draw([...panelsOf(latency, 'one message'), ...panelsOf(rate)], 'measured <somewhere>');
  expect(svg).toContain('>20.0 us (5.00 x)<');
  expect(svg).toContain('>us, shorter is better<');
  expect(svg).toContain('>k/s, longer is better<');
  expect(svg).toContain('C &#38; more');
  expect(svg).toContain('measured &#60;somewhere&#62;');
  expect(svg).toContain('prefers-color-scheme: dark');
  expect(isBalanced(svg)).toBe(true);
});

test.each([[1.1, 0.2], [110, 20], [7, 2], [0.003, 0.0005], [1_000_000, 200_000]])('ticks up to %d go by %d', (most, step) => {
  expect(tickStep(most)).toBeCloseTo(step, 10);
});

test('the program reads files and writes the chart', () => {
  const folder = mkdtempSync(join(tmpdir(), 'demi-chart-'));
  try {
    const [file, out] = [join(folder, 'rtt.json'), join(folder, 'charts', 'race.svg')];
    writeFileSync(file, JSON.stringify(latency));
    const run = (...args: string[]): { status: number | null; stderr: string } => spawnSync(process.execPath, [join(__dirname, 'chart.js'), ...args], { encoding: 'utf8' });
    expect(run(out, `${file}#one message`, 'against=C & more')).toMatchObject({ status: 0, stderr: '' });
    const svg = readFileSync(out, 'utf8');
    expect(svg).toContain('>20.0 us (2.00 x)<');
    expect(svg).toContain('A &#60;fast&#62; one, 2 cores, Linux 6, Node v20, 2026-01-02');
    expect(isBalanced(svg)).toBe(true);
    expect(run(out).status).toBe(2);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
