'use strict';

// Bench `connect`: a connection for each message: connect, 64 bytes there and back, close. 16 at a time. Each contestant is server and client; then the servers alone,
// with the
// client that does least: in C on the kernel's TCP, our stack without JavaScript over DPDK.
//
// A port that was used rests in TIME-WAIT, so connections are spread: over 16 addresses of the server on 127/8, and over 16 of the client on DPDK's shared
// memory. There a maximum segment lifetime is MSL_S, so that TIME-WAIT lasts twice as long; a stack has at most 65536 connections in it, whose oldest ends when
// there is one more; and a listener takes a SYN in place of one (RFC 6191).

const { given, overNetwork, programs, runNetworkBench, underLoad } = require('./support/network-bench');
const { catnap, memif, networkArguments } = require('./support/networks');

const { demi, node, c } = programs;
const ADDRESSES = 16;
const MSL_S = 30;
const shape = ['connections=16', `addresses=${ADDRESSES}`];
const addresses = networkArguments(catnap(ADDRESSES), 'client');
const BOTH = 'both sides';
const SERVER = 'the server, with a client in C or C++';
const NAP = 'catnap awaited';
const NIP = 'catnip awaited, memif';
const NODE = 'Node net';
const EPOLL = 'C epoll';
const all = [
  [NAP, demi],
  [NODE, node],
  [EPOLL, c],
];
const server = (program) => given(program('server'), 'echo');
// The programs have their own ways to be told the addresses.
const client = (program) => given(program('client'), 'connect', ...shape, ...(program === demi ? addresses : []));

function withMsl(network) {
  if (network === undefined) return undefined;
  for (const end of [network.server, network.client]) end.inet.tcp = { msl: MSL_S };
  return network;
}

const network = withMsl(memif(ADDRESSES));
const overMemif = overNetwork(network, NIP, ['echo'], ['connect', ...shape]);
const loaded = underLoad(network, NIP, ['echo'], ['connect', ...shape]);
const ratio = (title, name, other) => (cases) => cases[title][name]?.median / cases[title][other]?.median;

runNetworkBench({
  name: 'connect',
  title: `connect, one message of 64 B, close; thousand connections a second; msl ${MSL_S} s over memif`,
  unit: 'k/s',
  format: (value) => value.toFixed(2),
  valueOf: ({ messages, ns }) => (messages / ns) * 1e6,
  cases: [
    {
      title: BOTH,
      contestants: [...all.map(([name, program]) => ({ name, server: server(program), client: client(program) })), ...(overMemif === undefined ? [] : [overMemif])],
    },
    {
      title: SERVER,
      contestants: [...all.map(([name, program]) => ({ name, server: server(program), client: client(c) })), ...(loaded === undefined ? [] : [loaded])],
    },
  ],
  goals: [
    { text: 'both sides >= 1.5 x Node', value: ratio(BOTH, NAP, NODE), met: (value) => value >= 1.5 },
    { text: 'the server >= 1.5 x Node', value: ratio(SERVER, NAP, NODE), met: (value) => value >= 1.5 },
    { text: 'both sides, catnip >= 25 x Node', value: ratio(BOTH, NIP, NODE), met: (value) => value >= 25 },
    { text: 'both sides, catnip >= 8 x C epoll', value: ratio(BOTH, NIP, EPOLL), met: (value) => value >= 8 },
    { text: 'the server, catnip >= 25 x Node', value: ratio(SERVER, NIP, NODE), met: (value) => value >= 25 },
    { text: 'the server, catnip >= 8 x C epoll', value: ratio(SERVER, NIP, EPOLL), met: (value) => value >= 8 },
  ],
});
