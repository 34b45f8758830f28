'use strict';

// Bench `bulk`: large pushes one after the other, which the other side drops. Each contestant is server and client: kernel TCP on 127.0.0.1, whose
// MTU is 64 KiB, and our own TCP over a veth pair and over DPDK's shared memory, whose MTU is 1500, with checksums; and full frames in C over that memory,
// of which there is one stream, whatever the connections of the others.

const { makeVeth } = require('./support/namespace');
const { given, overNetwork, programs, rawMemif, runNetworkBench } = require('./support/network-bench');
const { memif, veth } = require('./support/networks');

const ours = veth(makeVeth());
const shared = memif();
const { demi, node, c } = programs;
const CASES = [
  ['64 KiB, 1 connection', 64 * 1024, 1],
  ['64 KiB, 8 connections', 64 * 1024, 8],
  ['1 MiB, 1 connection', 1024 * 1024, 1],
  ['1 MiB, 8 connections', 1024 * 1024, 8],
];
const NAP = 'catnap awaited';
const NIP = 'catnip awaited, memif';
const NODE = 'Node net';
const RAW = 'C, raw memif';

function contestants(bytes, connections) {
  const shape = [`bytes=${bytes}`, `connections=${connections}`];
  const pair = (name, program) => ({ name, server: given(program('server'), 'sink'), client: given(program('client'), 'bulk', ...shape) });
  return [
    pair(NAP, demi),
    overNetwork(ours, 'catpowder awaited, veth', ['sink'], ['bulk', ...shape]),
    overNetwork(shared, NIP, ['sink'], ['bulk', ...shape]),
    pair(NODE, node),
    pair('C epoll', c),
    rawMemif(RAW, 'sink', 'bulk', `bytes=${bytes}`),
  ].filter((contestant) => contestant !== undefined);
}

const ratio = (title, name, other) => (cases) => cases[title][name]?.median / cases[title][other]?.median;

runNetworkBench({
  name: 'bulk',
  title: 'pushes of 64 KiB and 1 MiB; Gbit/s',
  unit: 'Gbit/s',
  format: (value) => value.toFixed(1),
  valueOf: ({ bytes, ns }) => (bytes * 8) / ns,
  own: { quick: { callsMs: 0 } },
  cases: CASES.map(([title, bytes, connections]) => ({ title, contestants: contestants(bytes, connections) })),
  goals: CASES.flatMap(([title]) => [
    { text: `${title}: not below Node`, value: ratio(title, NAP, NODE), met: (value) => value >= 1 },
    { text: `${title}: catnip >= 0.6 x raw memif`, value: ratio(title, NIP, RAW), met: (value) => value >= 0.6 },
    { text: `${title}: catnip >= 1.5 x Node, where the cores are near`, value: ratio(title, NIP, NODE), met: (value) => value >= 1.5 },
  ]),
});
