'use strict';

// The same exchange over the same bad link (scenarios.js), between our stack and Linux, either way, and between Linux and Linux: how much of Linux's
// goodput is ours. As root: node test/peers/differential.js [rows=TEXT] [seeds=N] [congestion=cubic|newreno] [capture=PREFIX]
//
// Each run has namespaces of its own, so that the kernel remembers nothing of the one before. Goodput is the bytes by the time from connect() until the
// receiver's word that all have arrived, the median over the seeds: where few frames are lost it matters much which, so that some ten seeds are
// needed before a ratio says something. Both sides are Node programs (peer.js). `rows` chooses the scenarios whose titles contain it; results of
// the others stay in bench-results/differential.json. `capture` keeps what ours saw of the last runs, in PREFIX-sends.pcap and
// PREFIX-receives.pcap.

const fs = require('node:fs');
const path = require('node:path');

const { Namespace, Peer, Relay, buildRelay } = require('./network');
const { SCENARIOS } = require('./scenarios');

const GOAL = 0.9;
const RUN_LIMIT_MS = 60_000;
const SENDER = '10.77.0.1';
const RECEIVER = '10.77.0.2';
// By Linux's names, and ours.
const ALGORITHMS = { cubic: 'cubic', newreno: 'reno' };

const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];

/** A side of a run, on interface `name` of its namespace. */
async function side(namespace, name, address, kind, congestion, capture) {
  if (kind === 'ours') {
    await namespace.ip(`link set ${name} up`);
    return Peer.start(namespace, ['demi', `device=interface:${name}`, `address=${address}/24`, `congestion=${congestion}`], capture ? { DEMI_PCAP: capture } : {});
  }
  await namespace.address(name, `${address}/24`, ALGORITHMS[congestion]);
  return Peer.start(namespace, ['net']);
}

/** One exchange; Mbit/s. */
async function run({ link, bytes }, [sending, receiving], { seed, congestion, capture }) {
  const namespaces = [await Namespace.make(), await Namespace.make()];
  const timer = setTimeout(() => namespaces.forEach((namespace) => namespace.close()), RUN_LIMIT_MS);
  try {
    const [left, right] = namespaces;
    const relay = await Relay.between([left, 'left'], [right, 'right'], { ...link, seed });
    const sender = await side(left, 'left', SENDER, sending, congestion, sending === 'ours' && capture ? `${capture}-sends.pcap` : undefined);
    const receiver = await side(right, 'right', RECEIVER, receiving, congestion, receiving === 'ours' && capture ? `${capture}-receives.pcap` : undefined);
    const { ms, sha256, said } = await sender.do('give', { host: RECEIVER, port: 9, bytes });
    if (JSON.parse(said).sha256 !== sha256) throw new Error('what arrived is not what was sent');
    await sender.stop();
    await receiver.stop();
    const { notCarried } = (await relay.stop()).toRight;
    if (notCarried > 0) throw new Error(`the relay was too slow for ${notCarried} frames`);
    return (bytes * 8) / ms / 1e3;
  } finally {
    clearTimeout(timer);
    await Promise.all(namespaces.map((namespace) => namespace.close()));
  }
}

const PAIRS = { linux: ['linux', 'linux'], oursSends: ['ours', 'linux'], oursReceives: ['linux', 'ours'] };

/** All of one scenario: Mbit/s of each pair for each seed, alternating, and their medians' ratios to Linux. */
async function compare(scenario, { seeds, ...options }) {
  const mbit = Object.fromEntries(Object.keys(PAIRS).map((pair) => [pair, []]));
  for (let seed = 1; seed <= seeds; ++seed) {
    for (const [pair, sides] of Object.entries(PAIRS)) mbit[pair].push(await run(scenario, sides, { seed, ...options }));
  }
  const medians = Object.fromEntries(Object.entries(mbit).map(([pair, runs]) => [pair, median(runs)]));
  const ratio = { oursSends: medians.oursSends / medians.linux, oursReceives: medians.oursReceives / medians.linux };
  return { title: scenario.title, ...options, mbit, medians, ratio };
}

const cell = (value, width = 10) => value.toFixed(2).padStart(width);
const rowOf = ({ title, medians, ratio }) => {
  const missed = ratio.oursSends < GOAL || ratio.oursReceives < GOAL ? `  below ${GOAL}` : '';
  return `${title.padEnd(40)}${cell(medians.linux)}${cell(medians.oursSends)}${cell(medians.oursReceives)}${cell(ratio.oursSends)}${cell(ratio.oursReceives)}${missed}`;
};

async function main() {
  const given = Object.fromEntries(process.argv.slice(2).map((argument) => argument.split('=')));
  const options = { seeds: Number(given.seeds ?? 5), congestion: given.congestion ?? 'cubic', capture: given.capture };
  const scenarios = SCENARIOS.filter(({ title }) => title.includes(given.rows ?? ''));
  const folder = path.join(__dirname, '..', '..', 'bench-results');
  const file = path.join(folder, options.congestion === 'cubic' ? 'differential.json' : `differential-${options.congestion}.json`);
  const kept = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : [];
  buildRelay();
  console.log(`${`${options.congestion}; goodput in Mbit/s`.padEnd(40)}${['Linux', 'ours sends', 'receives', 'ratio', 'ratio'].map((text) => text.padStart(10)).join('')}`);
  for (const scenario of scenarios) {
    const row = await compare(scenario, options);
    console.log(rowOf(row));
    const others = kept.filter(({ title }) => title !== row.title);
    kept.splice(0, kept.length, ...others, row);
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(file, `${JSON.stringify(kept, null, 2)}\n`);
  }
}

if (require.main === module) {
  main().catch((error) => {
    console.error(error);
    process.exitCode = 1;
  });
}

module.exports = { run };
