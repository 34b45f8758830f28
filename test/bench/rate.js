'use strict';

// Bench `rate`: an echo server and many connections with one message of 64 bytes outstanding each. The contestants are the servers; the
// client is the same for all, in C.

const { given, programs, runNetworkBench } = require('./support/network-bench');

const { demi, node, c } = programs;
const COUNTS = [1, 16, 256];
const titleOf = (connections) => `${connections} x 1`;

const contestants = (connections) =>
  [
    ['catnap awaited', demi('server')],
    ['catnap wait set', demi('server'), 'api=wait'],
    ['Node net', node('server')],
    ['C epoll', c('server')],
  ].map(([name, program, ...args]) => ({
    name,
    server: given(program, 'echo', ...args),
    client: given(c('client'), 'rate', `connections=${connections}`),
  }));

const ratio = (name, other) => (cases) => cases[titleOf(256)][name]?.median / cases[titleOf(256)][other]?.median;

runNetworkBench({
  name: 'rate',
  title: '64 B echo, connections x messages outstanding on each; thousand messages a second',
  unit: 'k/s',
  format: (value) => value.toFixed(1),
  valueOf: ({ messages, ns }) => (messages / ns) * 1e6,
  cases: COUNTS.map((connections) => ({ title: titleOf(connections), contestants: contestants(connections) })),
  goals: [
    { text: '256 x 1 awaited >= 1.3 x Node', value: ratio('catnap awaited', 'Node net'), met: (value) => value >= 1.3 },
    { text: '256 x 1 wait set >= 1.3 x Node', value: ratio('catnap wait set', 'Node net'), met: (value) => value >= 1.3 },
  ],
});
