'use strict';

// Bench `rate`: an echo server and many connections with messages of 64 bytes outstanding on each; the client sends as many as have come back, by one call.
// The contestants are the servers. On the kernel's TCP the client is the same for all, in C, but that of WebSockets is of the same package as their server;
// over DPDK's shared memory it is our stack without JavaScript, in C++.

const { spawnSync } = require('node:child_process');

const { given, programs, runNetworkBench, underLoad } = require('./support/network-bench');
const { mode } = require('./support/measure');
const { memif } = require('./support/networks');

const { demi, node, c, ws } = programs;
// [connections, outstanding]
const CASES = {
  usual: [[1, 1], [16, 1], [256, 1], [1, 16], [256, 16]],
  full: [[1, 1], [16, 1], [256, 1], [1000, 1], [10_000, 1], [1, 16], [16, 16], [256, 16], [1000, 16]],
}[mode === 'full' ? 'full' : 'usual'];
// Sockets of the kernel that a program may have; those that it has besides are few.
const SOCKETS_MAX = Number(spawnSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).stdout) - 100 || Infinity;
// Connections that are ours alone: on few machines a program may have so many sockets of the kernel.
const MANY = mode === 'full' ? 100_000 : undefined;
// An ephemeral port of a stack of ours serves one connection of a bound address.
const CONNECTIONS_OF_ADDRESS = 16_000;
const LIMITS = { queues: 2 ** 18 };

const AWAITED = 'catnip awaited, memif';
const WAIT_SET = 'catnip wait set, memif';
const NODE = 'Node net';
const EPOLL = 'C epoll';
const WS = 'Node ws, both ends';
const titleOf = (connections, outstanding = 1) => `${connections} x ${outstanding}`;

const onKernel = (shape) =>
  [
    ['catnap awaited', demi('server')],
    ['catnap wait set', demi('server'), 'api=wait'],
    [NODE, node('server')],
    [EPOLL, c('server')],
  ]
    .map(([name, program, ...args]) => ({ name, server: given(program, 'echo', ...args), client: given(c('client'), 'rate', ...shape) }))
    .concat({ name: WS, server: given(ws('server'), 'echo'), client: given(ws('client'), 'rate', ...shape) });

function onMemif(connections, shape) {
  const network = memif(Math.ceil(connections / CONNECTIONS_OF_ADDRESS));
  if (network !== undefined && connections > 2 ** 15) for (const end of [network.server, network.client]) end.limits = LIMITS;
  return [
    underLoad(network, AWAITED, ['echo'], ['rate', ...shape]),
    underLoad(network, WAIT_SET, ['echo', 'api=wait'], ['rate', ...shape]),
  ].filter((contestant) => contestant !== undefined);
}

function caseOf([connections, outstanding]) {
  const shape = [`connections=${connections}`, `outstanding=${outstanding}`];
  const isOnKernel = connections !== MANY && connections < SOCKETS_MAX;
  return { title: titleOf(connections, outstanding), contestants: [...(isOnKernel ? onKernel(shape) : []), ...onMemif(connections, shape)] };
}

const AT = titleOf(256);
const rateOf = (cases, name, title = AT) => cases[title]?.[name]?.median;
const ratio = (name, other) => (cases) => rateOf(cases, name) / rateOf(cases, other);
const millions = (name) => (cases) => rateOf(cases, name) / 1000;
const growth = (name) => (cases) => rateOf(cases, name, titleOf(1000)) / rateOf(cases, name, titleOf(MANY));

runNetworkBench({
  name: 'rate',
  title: '64 B echo, connections x messages outstanding on each; thousand messages a second',
  unit: 'k/s',
  format: (value) => value.toFixed(1),
  valueOf: ({ messages, ns }) => (messages / ns) * 1e6,
  own: { quick: { callsMs: 0, deadlineMs: 90_000 }, full: { deadlineMs: 480_000 } },
  cases: [...CASES, ...(MANY === undefined ? [] : [[MANY, 1]])].map(caseOf),
  goals: [
    { text: '256 x 1 awaited >= 1.3 x Node', value: ratio('catnap awaited', NODE), met: (value) => value >= 1.3 },
    { text: '256 x 1 wait set >= 1.3 x Node', value: ratio('catnap wait set', NODE), met: (value) => value >= 1.3 },
    { text: '256 x 1 catnip awaited >= 1.5 M messages a second', value: millions(AWAITED), met: (value) => value >= 1.5, unit: 'M/s' },
    { text: '256 x 1 catnip awaited >= 12 x Node', value: ratio(AWAITED, NODE), met: (value) => value >= 12 },
    { text: '256 x 1 catnip awaited >= 8 x C epoll', value: ratio(AWAITED, EPOLL), met: (value) => value >= 8 },
    { text: '256 x 1 catnip wait set >= 3 M messages a second', value: millions(WAIT_SET), met: (value) => value >= 3, unit: 'M/s' },
    { text: '100000 x 1 catnip awaited: a message takes <= 1.6 x that of 1000 x 1', value: growth(AWAITED), met: (value) => value <= 1.6 },
    { text: '100000 x 1 catnip wait set: a message takes <= 1.6 x that of 1000 x 1', value: growth(WAIT_SET), met: (value) => value <= 1.6 },
  ],
});
