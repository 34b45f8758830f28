'use strict';

// What all benchmarks share: competitors measured in turns, repetitions that other load has disturbed, the table and the JSON.

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { spawnSync } = require('node:child_process');

const root = path.resolve(__dirname, '..', '..', '..');
const resultsFolder = path.join(root, 'bench-results');

/** How long a benchmark may take: --quick, or --smoke, which only shows that it works and keeps its results apart. */
const mode = ['quick', 'smoke'].find((name) => process.argv.includes(`--${name}`)) ?? 'full';

// The processor went to somebody else for more than this part of a repetition.
const STOLEN_MAX = 0.05;
// A loop of fixed work took this much longer than at its best: the core was slower, or shared.
const SLOWED_MAX = 1.2;
const YARDSTICK_ROUNDS = 300_000;

let sink = 0;

/** Nanoseconds for a fixed piece of integer work. */
function yardstick() {
  const began = process.hrtime.bigint();
  let x = 12345;
  for (let i = 0; i < YARDSTICK_ROUNDS; ++i) x = (Math.imul(x, 1103515245) + 12345) | 0;
  sink ^= x;
  return Number(process.hrtime.bigint() - began);
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Ties this process to the last core it may use; the text says what came of it. */
function pin() {
  const cpus = os.cpus().length;
  const { status } = spawnSync('taskset', ['-a', '-c', '-p', String(cpus - 1), String(process.pid)], { stdio: 'ignore' });
  return status === 0 ? `pinned to core ${cpus - 1}` : 'not pinned (no taskset)';
}

async function timed(competitor, count) {
  const began = process.hrtime.bigint();
  await competitor.run(count);
  return Number(process.hrtime.bigint() - began);
}

/** Warms a competitor up and finds how many operations fill `sampleMs`. */
async function prepare(competitor, sampleMs, warmUpMs) {
  const unit = competitor.unit ?? 1;
  let count = unit * Math.ceil(100 / unit);
  const until = performance.now() + warmUpMs;
  for (;;) {
    const ns = await timed(competitor, count);
    const wanted = Math.max(unit, Math.round((count * sampleMs * 1e6) / ns / unit) * unit);
    count = Math.min(wanted, count * 8);
    if (performance.now() >= until && count === wanted) return count;
  }
}

/**
 * Measures competitors in turns, A B C A B C, with another one first each time.
 *
 * @param competitors - `{ name, run(count), unit }`; run makes `count` operations, a multiple of `unit`, and may return a promise.
 * @returns name -> `{ median, min, max, samples, disturbed }` in nanoseconds for one operation. Disturbed repetitions do not count, unless
 * fewer than 3 others are left.
 */
async function measure(competitors, { repetitions, sampleMs, warmUpMs, deadline }) {
  const counts = new Map();
  for (const competitor of competitors) counts.set(competitor, await prepare(competitor, sampleMs, warmUpMs));
  const taken = new Map(competitors.map((competitor) => [competitor, []]));
  for (let i = 0; i < 20; ++i) yardstick();
  let best = Infinity;
  for (let repetition = 0; repetition < repetitions; ++repetition) {
    if (repetition >= 3 && performance.now() > deadline) break;
    for (let k = 0; k < competitors.length; ++k) {
      const competitor = competitors[(k + repetition) % competitors.length];
      const count = counts.get(competitor);
      // The garbage of the one before is not paid for by the next.
      globalThis.gc?.({ type: 'minor' });
      await new Promise((resolve) => setImmediate(resolve));
      const before = yardstick();
      const cpuBefore = process.cpuUsage();
      const wall = await timed(competitor, count);
      const cpu = process.cpuUsage(cpuBefore);
      const after = yardstick();
      best = Math.min(best, before, after);
      const stolen = 1 - ((cpu.user + cpu.system) * 1000) / wall;
      taken.get(competitor).push({ ns: wall / count, stolen, slowed: Math.max(before, after) });
    }
  }
  return Object.fromEntries([...taken].map(([competitor, samples]) => [competitor.name, summarizeSamples(samples, best)]));
}

/**
 * What `{ ns, stolen, slowed }` of several repetitions come to; `best` is the yardstick at its best. Disturbed repetitions do not count, unless
 * fewer than 3 others are left.
 */
function summarizeSamples(samples, best) {
  const clean = samples.filter(({ stolen, slowed }) => stolen <= STOLEN_MAX && slowed <= best * SLOWED_MAX);
  const used = (clean.length >= 3 ? clean : samples).map(({ ns }) => ns);
  return {
    median: median(used),
    min: Math.min(...used),
    max: Math.max(...used),
    samples: samples.length,
    disturbed: samples.length - clean.length,
    disturbedUsed: clean.length < 3,
  };
}

function machine() {
  return {
    date: new Date().toISOString(),
    kernel: `${os.type()} ${os.release()}`,
    cpu: os.cpus()[0]?.model ?? 'unknown',
    cpus: os.cpus().length,
    node: process.version,
    v8: process.versions.v8,
    load: os.loadavg().map((load) => Number(load.toFixed(2))),
  };
}

/** Rows of text in columns; the first one to the left, the others to the right, the last as it is. */
function formatTable(head, rows) {
  const all = [head, ...rows];
  const widths = head.map((_, i) => Math.max(...all.map((row) => row[i].length)));
  const lines = all.map((row) => {
    const cells = row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : i === row.length - 1 ? cell : cell.padStart(widths[i])));
    return `${cells.join('  ').trimEnd()}\n`;
  });
  return lines.join('');
}

function table(head, rows) {
  process.stdout.write(formatTable(head, rows));
}

function writeResults(name, results) {
  const folder = mode === 'smoke' ? path.join(resultsFolder, 'smoke') : resultsFolder;
  fs.mkdirSync(folder, { recursive: true });
  const file = path.join(folder, `${name}.json`);
  fs.writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
  process.stdout.write(`\nwritten to ${path.relative(root, file)}\n`);
}

module.exports = { root, formatTable, machine, measure, median, mode, pin, summarizeSamples, table, writeResults };
