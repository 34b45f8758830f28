'use strict';

// Bench `cores`: `rate` against a server of one worker and of two. A worker of ours is a thread with a libOS of its own; a worker of Node is a process of its
// `cluster`. The client is the same for all, in C, and one process.
//
// With at least one core more than workers, server and client have cores of their own. With fewer they share all cores, and then the messages a second
// say only that workers do not hinder one another: the client takes its part of the very cores that a second worker would need. The processor
// time of the server for a message is what can be compared on such a machine: if it does not grow, two workers on two cores of their own do
// twice as much. It is a bound from above: memory and caches are shared all the same.

const { cpus } = require('node:os');

const { table } = require('./support/measure');
const { given, programs, runNetworkBench } = require('./support/network-bench');
const { catnap, networkArguments } = require('./support/networks');

const { demiWorkers, nodeCluster, c } = programs;
const CONNECTIONS = 256;
const WORKERS = [1, 2];
const GROWTH_MIN = 1.8;
const titleOf = (workers) => `${workers} worker${workers === 1 ? '' : 's'}, ${CONNECTIONS} x 1`;

/** The server of a libOS of ours: each worker has its own of several configurations, or they share a port by an option. */
function ours(network, workers, ...args) {
  return given(demiWorkers('server'), 'echo', `workers=${workers}`, ...networkArguments(network, 'server'), ...(network.sharesPort ? ['share=1'] : []), ...args);
}

const enough = cpus().length > Math.max(...WORKERS);
const SERVERS = [
  ['catnap awaited', (workers) => ours(catnap(), workers)],
  // A wait that spins needs a core of its own: where it shares one with the client, it takes the time of whom it waits for.
  ...(enough ? [['catnap wait set', (workers) => ours(catnap(), workers, 'api=wait')]] : []),
  ['Node cluster', (workers) => given(nodeCluster('server'), 'echo', `workers=${workers}`)],
];

const contestants = (workers) =>
  SERVERS.map(([name, server]) => ({
    name,
    threads: workers,
    server: server(workers),
    client: given(c('client'), 'rate', `connections=${CONNECTIONS}`),
  }));

const one = (cases, name) => cases[titleOf(1)][name];
const two = (cases, name) => cases[titleOf(2)][name];
const growth = (name) => (cases) => two(cases, name)?.median / one(cases, name)?.median;
const growthOfCpu = (name) => (cases) => (2 * one(cases, name)?.serverCpu) / two(cases, name)?.serverCpu;

function printGrowth(cases) {
  process.stdout.write(`\nwhat the second worker brings${enough ? '' : ' (they share all cores with the client: see the processor time)'}\n`);
  const rows = SERVERS.map(([name]) => [name, `${growth(name)(cases).toFixed(2)} x`, `${growthOfCpu(name)(cases).toFixed(2)} x`, '']);
  table(['', 'messages a second', 'at most, by processor time', ''], rows);
}

runNetworkBench({
  name: 'cores',
  title: `64 B echo, ${CONNECTIONS} connections with one message outstanding; thousand messages a second`,
  unit: 'k/s',
  format: (value) => value.toFixed(1),
  valueOf: ({ messages, ns }) => (messages / ns) * 1e6,
  own: { quick: { ms: 800 } },
  cases: WORKERS.map((workers) => ({ title: titleOf(workers), contestants: contestants(workers) })),
  printAll: printGrowth,
  goals: SERVERS.flatMap(([name]) => [
    // Where there are too few cores this is not measured.
    { text: `${name}: 2 workers >= ${GROWTH_MIN} x 1`, value: (cases) => (enough ? growth(name)(cases) : NaN), met: (value) => value >= GROWTH_MIN },
    { text: `${name}: the same at most, by processor time`, value: growthOfCpu(name), met: (value) => value >= GROWTH_MIN },
  ]),
});
