'use strict';

// Bench `connect`: a connection for each message: connect, 64 bytes there and back, close. 16 at a time, spread over 16 addresses of
// 127/8, because a port that was used rests in TIME-WAIT. Each contestant is server and client; then the servers alone, with the C client.

const { given, programs, runNetworkBench } = require('./support/network-bench');
const { catnap, networkArguments } = require('./support/networks');

const { demi, node, c } = programs;
const shape = ['connections=16', 'addresses=16'];
const addresses = networkArguments(catnap(16), 'client');
const BOTH = 'both sides';
const SERVER = 'the server, with the C client';
const all = [
  ['catnap awaited', demi],
  ['Node net', node],
  ['C epoll', c],
];
const server = (program) => given(program('server'), 'echo');
// The programs have their own ways to be told the addresses.
const client = (program) => given(program('client'), 'connect', ...shape, ...(program === demi ? addresses : []));
const ratio = (title) => (cases) => cases[title]['catnap awaited']?.median / cases[title]['Node net']?.median;

runNetworkBench({
  name: 'connect',
  title: 'connect, one message of 64 B, close; thousand connections a second',
  unit: 'k/s',
  format: (value) => value.toFixed(2),
  valueOf: ({ messages, ns }) => (messages / ns) * 1e6,
  cases: [
    { title: BOTH, contestants: all.map(([name, program]) => ({ name, server: server(program), client: client(program) })) },
    { title: SERVER, contestants: all.map(([name, program]) => ({ name, server: server(program), client: client(c) })) },
  ],
  goals: [
    { text: 'both sides >= 1.5 x Node', value: ratio(BOTH), met: (value) => value >= 1.5 },
    { text: 'the server >= 1.5 x Node', value: ratio(SERVER), met: (value) => value >= 1.5 },
  ],
});
