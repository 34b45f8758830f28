'use strict';

// Bench `rtt`: 64 bytes to and fro between two processes over kernel TCP on 127.0.0.1. Each contestant is server and client.

const { Histogram } = require('./support/histogram');
const { given, programs, runNetworkBench } = require('./support/network-bench');

const { demi, node, c } = programs;
const server = (program, ...args) => given(program('server'), 'echo', ...args);
const client = (program, ...args) => given(program('client'), 'rtt', ...args);
const pair = (name, program, ...args) => ({ name, server: server(program, ...args), client: client(program, ...args) });

const TITLE = 'one connection, one message outstanding';
const AWAITED = 'catnap awaited';
const DIRECT = 'C, reads until there is something';
const SPINNING = 'Node net, spinning';
const ratio = (name, other) => (cases) => cases[TITLE][name]?.median / cases[TITLE][other]?.median;

runNetworkBench({
  name: 'rtt',
  title: '64 B ping-pong; us for a round trip (median of each run; median, min, max of the runs), percentiles over all runs',
  unit: 'us',
  format: (value) => value.toFixed(2),
  valueOf: ({ histogram }) => new Histogram().add(histogram).percentile(50) / 1000,
  cases: [
    {
      title: TITLE,
      contestants: [
        pair(AWAITED, demi),
        pair('catnap demi_wait', demi, 'api=wait'),
        pair(DIRECT, c, 'wait=direct'),
        pair('C, epoll busy', c, 'wait=busy'),
        pair('C, epoll sleeping', c, 'wait=block'),
        pair(SPINNING, node, 'spin=1'),
        pair('Node net', node),
      ],
    },
  ],
  goals: [
    { text: 'awaited <= 1.3 x C reading until there is something', value: ratio(AWAITED, DIRECT), met: (value) => value <= 1.3 },
    { text: 'awaited faster than spinning Node', value: ratio(SPINNING, AWAITED), met: (value) => value > 1 },
    { text: 'awaited faster than Node', value: ratio('Node net', AWAITED), met: (value) => value > 1 },
  ],
});
