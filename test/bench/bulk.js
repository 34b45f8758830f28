'use strict';

// Bench `bulk`: large pushes one after the other, which the other side drops. Each contestant is server and client: kernel TCP on 127.0.0.1, whose
// MTU is 64 KiB, and our own TCP over a veth pair, whose MTU is 1500.

const { makeVeth } = require('./support/namespace');
const { given, programs, runNetworkBench } = require('./support/network-bench');
const { networkArguments, veth } = require('./support/networks');

const ours = veth(makeVeth());
const { demi, node, c } = programs;
const CASES = [
  ['64 KiB, 1 connection', 64 * 1024, 1],
  ['64 KiB, 8 connections', 64 * 1024, 8],
  ['1 MiB, 1 connection', 1024 * 1024, 1],
  ['1 MiB, 8 connections', 1024 * 1024, 8],
];

const pair = (name, program, bytes, connections, network) => ({
  name,
  server: given(program('server'), 'sink', ...(network ? networkArguments(network, 'server') : [])),
  client: given(program('client'), 'bulk', `bytes=${bytes}`, `connections=${connections}`, ...(network ? networkArguments(network, 'client') : [])),
});

runNetworkBench({
  name: 'bulk',
  title: 'pushes of 64 KiB and 1 MiB; Gbit/s',
  unit: 'Gbit/s',
  format: (value) => value.toFixed(1),
  valueOf: ({ bytes, ns }) => (bytes * 8) / ns,
  cases: CASES.map(([title, bytes, connections]) => ({
    title,
    contestants: [
      pair('catnap awaited', demi, bytes, connections),
      ...(ours === undefined ? [] : [pair('catpowder awaited, veth', demi, bytes, connections, ours)]),
      pair('Node net', node, bytes, connections),
      pair('C epoll', c, bytes, connections),
    ],
  })),
  goals: CASES.map(([title]) => ({
    text: `${title}: not below Node`,
    value: (cases) => cases[title]['catnap awaited']?.median / cases[title]['Node net']?.median,
    met: (value) => value >= 1,
  })),
});
