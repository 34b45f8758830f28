'use strict';

// Bench `rtt`: 64 bytes to and fro between two processes, over kernel TCP on 127.0.0.1 and over our own TCP on a veth pair and over DPDK's shared memory, each
// beside what C needs for frames alone. Each contestant is server and client.

const { Histogram } = require('./support/histogram');
const { makeVeth } = require('./support/namespace');
const { given, overNetwork, programs, rawMemif, runNetworkBench } = require('./support/network-bench');
const { memif, veth } = require('./support/networks');

const interfaces = makeVeth();
const ours = veth(interfaces);
const shared = memif();
const { demi, node, c, raw } = programs;
const server = (program, ...args) => given(program('server'), 'echo', ...args);
const client = (program, ...args) => given(program('client'), 'rtt', ...args);
const pair = (name, program, ...args) => ({ name, server: server(program, ...args), client: client(program, ...args) });
const over = (network, name, ...args) => overNetwork(network, name, ['echo', ...args], ['rtt', ...args]);
const RAW = 'C, raw AF_PACKET, veth';
const rawOverVeth = interfaces && {
  name: RAW,
  server: server(raw, `interface=${interfaces.server}`),
  client: client(raw, `interface=${interfaces.client}`),
};

const TITLE = 'one connection, one message outstanding';
const AWAITED = 'catnap awaited';
const WAITED = 'catnap demi_wait';
const POWDER_AWAITED = 'catpowder awaited, veth';
const POWDER_WAITED = 'catpowder demi_wait, veth';
const NIP_AWAITED = 'catnip awaited, memif';
const NIP_WAITED = 'catnip demi_wait, memif';
const RAW_MEMIF = 'C, raw memif';
const DIRECT = 'C, reads until there is something';
const SPINNING = 'Node net, spinning';
const BUSY = 'C, epoll busy';
const medianOf = (cases, name) => cases[TITLE][name]?.median;
const ratio = (name, other) => (cases) => medianOf(cases, name) / medianOf(cases, other);
const tail = (name) => (cases) => cases[TITLE][name]?.latency.p99 / cases[TITLE][name]?.latency.p50;
// Which of the two is faster changes with the distance of the cores: whoever only reads takes the socket's lock all the time.
const toFasterC = (name) => (cases) => medianOf(cases, name) / Math.min(medianOf(cases, DIRECT), medianOf(cases, BUSY));

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
        pair(WAITED, demi, 'api=wait'),
        pair(DIRECT, c, 'wait=direct'),
        pair(BUSY, c, 'wait=busy'),
        pair('C, epoll sleeping', c, 'wait=block'),
        pair(SPINNING, node, 'spin=1'),
        pair('Node net', node),
        over(ours, POWDER_AWAITED),
        over(ours, POWDER_WAITED, 'api=wait'),
        rawOverVeth,
        over(shared, NIP_AWAITED),
        over(shared, NIP_WAITED, 'api=wait'),
        rawMemif(RAW_MEMIF, 'echo', 'rtt'),
      ].filter((contestant) => contestant !== undefined),
    },
  ],
  goals: [
    { text: 'awaited <= 1.3 x C busy-polling, the faster of the two', value: toFasterC(AWAITED), met: (value) => value <= 1.3 },
    { text: 'demi_wait <= 1.3 x C busy-polling, the faster of the two', value: toFasterC(WAITED), met: (value) => value <= 1.3 },
    { text: 'awaited faster than spinning Node', value: ratio(SPINNING, AWAITED), met: (value) => value > 1 },
    { text: 'awaited faster than Node', value: ratio('Node net', AWAITED), met: (value) => value > 1 },
    { text: 'catpowder awaited <= 6 us, as part of that', value: (cases) => medianOf(cases, POWDER_AWAITED) / 6, met: (value) => value <= 1 },
    { text: 'catpowder awaited >= 10 x ahead of Node', value: ratio('Node net', POWDER_AWAITED), met: (value) => value >= 10 },
    { text: 'catpowder awaited >= 1.4 x ahead of C busy-polling kernel TCP', value: ratio(BUSY, POWDER_AWAITED), met: (value) => value >= 1.4 },
    { text: 'catnip demi_wait <= 3 x raw memif', value: ratio(NIP_WAITED, RAW_MEMIF), met: (value) => value <= 3 },
    { text: 'catnip awaited <= 4.5 x raw memif', value: ratio(NIP_AWAITED, RAW_MEMIF), met: (value) => value <= 4.5 },
    { text: 'catnip demi_wait: p99 <= 3 x p50', value: tail(NIP_WAITED), met: (value) => value <= 3 },
    { text: 'catnip awaited: p99 <= 3 x p50', value: tail(NIP_AWAITED), met: (value) => value <= 3 },
    { text: 'catnip awaited >= 40 x ahead of Node', value: ratio('Node net', NIP_AWAITED), met: (value) => value >= 40 },
    { text: 'catnip awaited >= 8 x ahead of spinning Node', value: ratio(SPINNING, NIP_AWAITED), met: (value) => value >= 8 },
    { text: 'catnip awaited >= 5 x ahead of C busy-polling kernel TCP', value: ratio(BUSY, NIP_AWAITED), met: (value) => value >= 5 },
    { text: 'catpowder awaited <= 1.6 x raw AF_PACKET', value: ratio(POWDER_AWAITED, RAW), met: (value) => value <= 1.6 },
  ],
});
