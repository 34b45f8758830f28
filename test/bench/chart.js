'use strict';

// Makes a chart of what benchmarks have written: an SVG with a panel for each case, a bar for each contestant, and how far it is ahead of one of them.
//
//   node test/bench/chart.js OUT.svg FILE.json[#CASE] ... [against=NAME]
//
//   node test/bench/chart.js race.svg bench-results/rtt.json 'bench-results/rate.json#256 x 1'
//
// Bars begin at zero and end at the median; the line through the end of a bar goes from the least to the most of all runs. The colors follow those of
// the reader, light or dark.

const fs = require('node:fs');
const path = require('node:path');

const { readArguments } = require('./support/load');

// The first of them that took part.
const AGAINST = ['Node net', 'Node cluster'];
const WIDTH = 860;
const LEFT = 250;
const BAR_WIDTH = 430;
const ROW = 24;
const BAR = 14;
const HEAD = 52;
const FOOT = 44;
const MARGIN = 16;
const TICKS_MAX = 6;

const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .title { font-weight: 600; font-size: 15px; }
  .note { font-size: 12px; fill: #59636e; }
  .end { text-anchor: end; } .middle { text-anchor: middle; }
  .ours { fill: #0969da; } .other { fill: #9aa4af; }
  .grid { stroke: #d1d9e0; } .range { stroke: #1f2328; stroke-width: 1.5; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .note { fill: #9198a1; }
    .ours { fill: #4493f8; } .other { fill: #6e7781; }
    .grid { stroke: #3d444d; } .range { stroke: #e6edf3; }
  }`;

const escaped = (text) => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
const isOurs = (name) => /^(cat|loopback|sim\b|demi)/.test(name);
/** A rate is the better the higher it is; everything else is a time, or memory. */
const isRate = (unit) => unit.endsWith('/s');

/** Three digits that mean something. */
function formatted(value) {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/**
 * What is to be drawn of a benchmark: a panel for each case, or for one.
 *
 * @param results - what the benchmark has written.
 * @param names - whom the others are compared with: the first of them that took part.
 */
function panelsOf(results, wanted, names = AGAINST) {
  const { name, unit } = results;
  const cases = results.cases ?? { [name]: results.results };
  if (unit === undefined) throw new Error(`${name}: these are no results with a unit; run the benchmark again`);
  const titles = wanted === undefined ? Object.keys(cases) : [wanted];
  return titles.map((title) => {
    if (cases[title] === undefined) throw new Error(`${name} has no case '${title}'. It has: ${Object.keys(cases).join(', ')}`);
    const contestants = Object.entries(cases[title]);
    const against = names.find((one) => one in cases[title]);
    const other = cases[title][against]?.median;
    const rows = contestants.map(([who, { median, min, max }]) => ({
      who,
      median,
      min,
      max,
      ahead: other === undefined ? undefined : isRate(unit) ? median / other : other / median,
    }));
    return { title: title === name ? name : `${name}: ${title}`, unit, rows, against };
  });
}

/** A step of 1, 2 or 5 that leads to `most` in a few ticks. */
function tickStep(most) {
  const rough = most / TICKS_MAX;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((digit) => digit * power).find((step) => step >= rough);
}

const text = (x, y, kind, content) => `<text x="${x}" y="${y}" class="${kind}">${escaped(content)}</text>`;
const line = (x1, y1, x2, y2, kind) => `<line x1="${x1.toFixed(1)}" y1="${y1}" x2="${x2.toFixed(1)}" y2="${y2}" class="${kind}"/>`;

function heightOf({ rows }) {
  return HEAD + rows.length * ROW + FOOT;
}

function drawAxis(panel, top, bottom, most, at) {
  const { unit } = panel;
  const step = tickStep(most);
  const parts = [];
  for (let n = 0; n * step <= most; ++n) {
    const x = at(n * step);
    parts.push(line(x, top, x, bottom, 'grid'), text(x.toFixed(1), bottom + 15, 'note middle', String(Number((n * step).toPrecision(6)))));
  }
  parts.push(text(LEFT, bottom + 33, 'note', `${unit}, ${isRate(unit) ? 'longer' : 'shorter'} is better`));
  return parts;
}

function drawRow(row, y, at, unit) {
  const { who, median, min, max, ahead } = row;
  const middle = y + ROW / 2;
  const bar = `<rect x="${LEFT}" y="${middle - BAR / 2}" width="${(at(median) - LEFT).toFixed(1)}" height="${BAR}" class="${isOurs(who) ? 'ours' : 'other'}"/>`;
  const ratio = ahead === undefined ? '' : ` (${formatted(ahead)} x)`;
  return [
    text(LEFT - 8, middle + 4, 'end', who),
    bar,
    line(at(min), middle, at(max), middle, 'range'),
    text((at(Math.max(median, max)) + 8).toFixed(1), middle + 4, '', `${formatted(median)} ${unit}${ratio}`),
  ];
}

function drawPanel(panel, top) {
  const { title, unit, rows, against } = panel;
  const most = Math.max(...rows.map(({ median, max }) => Math.max(median, max)));
  const at = (value) => LEFT + (value / most) * BAR_WIDTH;
  const first = top + HEAD;
  const bottom = first + rows.length * ROW;
  const compared = against === undefined ? '' : `in brackets: how many times better than ${against}`;
  return [
    text(MARGIN, top + 20, 'title', title),
    text(MARGIN, top + 40, 'note', compared),
    ...drawAxis(panel, first, bottom, most, at),
    ...rows.flatMap((row, n) => drawRow(row, first + n * ROW, at, unit)),
  ];
}

/** The SVG of panels; the last line is `source`: where and when it was measured. */
function draw(panels, source) {
  let top = MARGIN;
  const parts = [];
  for (const panel of panels) {
    parts.push(...drawPanel(panel, top));
    top += heightOf(panel);
  }
  const height = top + 2 * MARGIN;
  const title = panels.map(({ title: name }) => name).join('; ');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<style>${STYLE}</style>`,
    ...parts,
    text(MARGIN, top + MARGIN, 'note', source),
    '</svg>',
    '',
  ].join('\n');
}

function sourceOf({ machine }) {
  const { cpu, cpus, kernel, node, date } = machine;
  return `${cpu}, ${cpus} cores, ${kernel}, Node ${node}, ${date.slice(0, 10)}`;
}

function main(args) {
  const [out, ...files] = args.filter((arg) => !arg.startsWith('against='));
  const { against } = readArguments(args);
  if (out === undefined || files.length === 0) {
    process.stderr.write("node test/bench/chart.js OUT.svg FILE.json[#CASE] ... [against=NAME]\n");
    return 2;
  }
  const read = files.map((arg) => {
    const [file, wanted] = arg.split('#');
    return { results: JSON.parse(fs.readFileSync(file, 'utf8')), wanted };
  });
  const panels = read.flatMap(({ results, wanted }) => panelsOf(results, wanted, against && [against]));
  const sources = [...new Set(read.map(({ results }) => sourceOf(results)))];
  fs.mkdirSync(path.dirname(path.resolve(out)), { recursive: true });
  fs.writeFileSync(out, draw(panels, sources.join('; ')));
  return 0;
}

if (require.main === module) process.exitCode = main(process.argv.slice(2));

module.exports = { draw, panelsOf, tickStep };
