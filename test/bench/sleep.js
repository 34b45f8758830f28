'use strict';

// Bench `sleep`: what it costs to wait. First, processes with 100 open connections, an awaited pop on each (Node's sockets always read), on which nothing happens:
// the part of a core that they take, all at the same time. Then the round trip of `rtt` with 20 ms between messages, when server and client have gone to sleep
// before each.

const { Holder } = require('./support/holder');
const { Histogram } = require('./support/histogram');
const { makeVeth } = require('./support/namespace');
const { median, mode, table } = require('./support/measure');
const { given, programs, runNetworkBench } = require('./support/network-bench');
const { catnap, hub, loopback, networkArguments, veth } = require('./support/networks');

const CONNECTIONS = 100;
const RESTING = {
  smoke: { repetitions: 1, ms: 100 },
  quick: { repetitions: 3, ms: 4000 },
  full: { repetitions: 5, ms: 10_000 },
}[mode];
const CPU_MAX = 0.01;
const PAUSE_MS = 20;
const TITLE = `one message every ${PAUSE_MS} ms`;
const NODE = 'Node net';

const ours = veth(makeVeth());
const RESTERS = [
  ...[loopback(), hub(), catnap(), ours].filter((network) => network !== undefined).map((network) => ({ program: 'demi', network, name: network.name })),
  { program: 'node', network: catnap(), name: NODE },
];

// --- while nothing happens ---

async function restAll() {
  const holders = [];
  try {
    for (const { program, network } of RESTERS) {
      const holder = await Holder.start(program, network, CONNECTIONS);
      holders.push(holder);
      await holder.open(CONNECTIONS);
      if (program === 'demi') await holder.ask('pop', { awaited: true });
    }
    const samples = RESTERS.map(() => []);
    for (let repetition = 0; repetition < RESTING.repetitions; ++repetition) {
      const answers = await Promise.all(holders.map((holder) => holder.ask('rest', { ms: RESTING.ms })));
      // Of two processes the one that takes more.
      answers.forEach((ends, i) => samples[i].push({ share: Math.max(...ends.map(({ share }) => share)), wakeups: Math.max(...ends.map(({ wakeups }) => wakeups)) }));
    }
    return Object.fromEntries(RESTERS.map(({ name }, i) => [name, summarizeRest(samples[i])]));
  } finally {
    await Promise.all(holders.map((holder) => holder.stop()));
  }
}

function summarizeRest(samples) {
  const shares = samples.map(({ share }) => share);
  return { median: median(shares), min: Math.min(...shares), max: Math.max(...shares), wakeups: median(samples.map(({ wakeups }) => wakeups)), samples: samples.length };
}

async function rest() {
  const results = await restAll();
  process.stdout.write(`\n${CONNECTIONS} connections on which nothing happens for ${RESTING.ms / 1000} s: the part of a core that a process takes\n`);
  const percent = (share) => `${(share * 100).toFixed(2)} %`;
  table(
    ['', 'median', 'min', 'max', 'woken/s', ''],
    Object.entries(results).map(([name, { median: middle, min, max, wakeups }]) => [name, percent(middle), percent(min), percent(max), wakeups.toFixed(1), '']),
  );
  return results;
}

// --- woken by each message ---

const pair = (name, program, own, serverArguments = [], clientArguments = []) => ({
  name,
  server: given(program('server'), 'echo', ...own, ...serverArguments),
  client: given(program('client'), 'rtt', `pause=${PAUSE_MS}`, ...own, ...clientArguments),
});
const over = (network) => pair(`${network.name}, awaited`, programs.demi, [], networkArguments(network, 'server'), networkArguments(network, 'client'));
const awaited = [catnap(), ours].filter((network) => network !== undefined).map(over);

runNetworkBench({
  name: 'sleep',
  title: `CPU while nothing happens; 64 B ping-pong with ${PAUSE_MS} ms between messages, us (median of each run; median, min, max of the runs)`,
  unit: 'us',
  format: (value) => value.toFixed(1),
  valueOf: ({ histogram }) => new Histogram().add(histogram).percentile(50) / 1000,
  before: rest,
  own: { smoke: { ms: 100 }, quick: { warm: 300, ms: 2000, callsMs: 0 }, full: { warm: 300, ms: 4000, callsMs: 0 } },
  cases: [{ title: TITLE, contestants: [...awaited, pair(NODE, programs.node, [])] }],
  goals: [
    ...RESTERS.filter(({ program }) => program === 'demi').map(({ name }) => ({
      text: `${name}: <= ${CPU_MAX * 100} % of a core while nothing happens`,
      value: (_, resting) => resting[name].median * 100,
      met: (value) => value <= CPU_MAX * 100,
      unit: '%',
    })),
    ...awaited.map(({ name }) => ({
      text: `${name}: woken not slower than Node`,
      value: (cases) => cases[TITLE][name].median / cases[TITLE][NODE].median,
      met: (value) => value <= 1,
    })),
  ],
});
