'use strict';

// Bench `idle`: the bytes of an open connection on which nothing happens. Each figure is for one end: what a process with both ends, or two processes with one each,
// have grown by, divided by twice the connections. Each connection has carried 64 bytes there and back before. The connections beyond the first 256 count, or
// beyond the first 4096 over DPDK, which have been in each of its packet buffers; those, which are as the others, have made the processes what they are at
// work. Many connections need many addresses: of the server, and over DPDK of the client, whose sockets are bound.
//
//   native       resident memory that is no file and not V8's
//   JavaScript   objects that survive a collection
//   kernel       slab caches that grew with the connections, both ends, halved; as root. Sockets of the kernel are what Node and catnap are made of.
//
// "pending pop": a pop that nobody awaits was started on each; "awaited pop": each is awaited by an async function of its own, which closes the connection when
// the pop has ended. A socket of Node always reads; its listeners are functions that all sockets share.

const { freemem } = require('node:os');

const { Holder, mayOpen } = require('./support/holder');
const { catnap, hub, loopback, memif } = require('./support/networks');
const { machine, median, mode, table, writeResults } = require('./support/measure');
const { judge, printGoals } = require('./support/network-bench');
const { grownWith, readSlabs } = require('./support/slabs');
const { version } = require('../../package.json');

const MEMORY_ONLY = 'memory only';
const WITH_KERNEL = 'with the kernel';
// connections -> repetitions of those that are in memory alone, and of those that have sockets of the kernel, which take far longer to open.
const settings = {
  smoke: [{ connections: 200, repetitions: { [MEMORY_ONLY]: 1, [WITH_KERNEL]: 1 } }],
  quick: [
    { connections: 10_000, repetitions: { [MEMORY_ONLY]: 2, [WITH_KERNEL]: 2 } },
    { connections: 100_000, repetitions: { [MEMORY_ONLY]: 1, [WITH_KERNEL]: 0 } },
  ],
  full: [
    { connections: 10_000, repetitions: { [MEMORY_ONLY]: 5, [WITH_KERNEL]: 5 } },
    { connections: 100_000, repetitions: { [MEMORY_ONLY]: 3, [WITH_KERNEL]: 3 } },
    { connections: 1_000_000, repetitions: { [MEMORY_ONLY]: 1, [WITH_KERNEL]: 0 } },
  ],
}[mode];
const QUICK_DEADLINE_MS = 95_000;

const FIRST = 256;
const FIRST_OF_MEMIF = 4096;
// A kernel has 28,232 ephemeral ports between two addresses (ip_local_port_range), and a stack of ours 16,384, times the 4 ports of the server.
const CONNECTIONS_OF_ADDRESS = 50_000;
// A socket that is bound has a port of its own.
const CONNECTIONS_OF_BOUND_ADDRESS = 16_384;
// Of one end, with what JavaScript holds for it: twice what it is, for there are tables that double.
const BYTES_OF_END = 6000;

const PENDING = 'pending pop';
const AWAITED = 'awaited pop';
const NODE = 'Node net';
const NATIVE_MAX = 600;
const JAVASCRIPT_MAX = 900;
const LESS_MIN = 8;

const firstOf = (network) => (network === memif ? FIRST_OF_MEMIF : FIRST);
const addressesFor = (network, connections) => Math.ceil(connections / (network === memif ? CONNECTIONS_OF_BOUND_ADDRESS : CONNECTIONS_OF_ADDRESS));
const OUT_OF_KERNEL = [loopback, hub, ...(memif() === undefined ? [] : [memif])];
const OURS = [...OUT_OF_KERNEL, catnap];
const CONTESTANTS = [
  ...OURS.flatMap((network) => [PENDING, AWAITED].map((pop) => ({ program: 'demi', network, pop, name: `${network().name}, ${pop}` }))),
  { program: 'node', network: catnap, name: NODE },
].map((contestant) => ({ ...contestant, kind: contestant.network === catnap ? WITH_KERNEL : MEMORY_ONLY }));

/** Bytes of one end of a connection. */
async function measure({ program, network, pop, kind }, connections) {
  const first = firstOf(network);
  const holder = await Holder.start(program, network(addressesFor(network, connections + first)), connections + first);
  try {
    const settle = () => (pop === undefined ? undefined : holder.ask('pop', { awaited: pop === AWAITED }));
    const look = async () => ({ slabs: kind === WITH_KERNEL ? readSlabs() : undefined, processes: await holder.ask('memory') });
    const sum = ({ processes }, figure) => processes.reduce((all, one) => all + figure(one), 0);
    const grown = (from, to, figure) => perEnd(sum(to, figure) - sum(from, figure));
    const perEnd = (bytes) => bytes / (2 * connections);
    const native = ({ resident, heapResident }) => resident - heapResident;

    await holder.open(first);
    await settle();
    const before = await look();
    await holder.open(connections);
    const open = await look();
    await settle();
    const after = await look();
    const caches = kind === WITH_KERNEL ? grownWith(connections, before.slabs, after.slabs) : {};
    return {
      openNative: grown(before, open, native),
      native: grown(before, after, native),
      javascript: grown(before, after, ({ heap }) => heap),
      kernel: caches === undefined ? NaN : perEnd(Object.values(caches).reduce((sum, bytes) => sum + bytes, 0)),
      caches: Object.fromEntries(Object.entries(caches ?? {}).map(([name, bytes]) => [name, perEnd(bytes)])),
    };
  } finally {
    await holder.stop();
  }
}

function summarize(samples) {
  const figures = Object.fromEntries(['openNative', 'native', 'javascript', 'kernel'].map((key) => [key, median(samples.map((sample) => sample[key]))]));
  const totals = samples.map(({ native, javascript, kernel }) => native + javascript + (Number.isNaN(kernel) ? 0 : kernel));
  return { ...figures, median: median(totals), min: Math.min(...totals), max: Math.max(...totals), caches: samples.at(-1).caches, samples: samples.length };
}

/** Measures the contestants in turns, with another one first each time. */
async function measureCase({ connections, repetitions }, deadline) {
  const enoughFiles = mayOpen(connections + FIRST);
  const samples = new Map();
  for (let repetition = 0; repetition < Math.max(...Object.values(repetitions)); ++repetition) {
    if (repetition > 0 && performance.now() > deadline) break;
    for (let k = 0; k < CONTESTANTS.length; ++k) {
      const contestant = CONTESTANTS[(k + repetition) % CONTESTANTS.length];
      if (repetition >= repetitions[contestant.kind] || (contestant.kind === WITH_KERNEL && !enoughFiles)) continue;
      const known = samples.get(contestant.name) ?? [];
      samples.set(contestant.name, [...known, await measure(contestant, connections)]);
    }
  }
  if (!enoughFiles && repetitions[WITH_KERNEL] > 0) process.stdout.write('\nLeft out: sockets of the kernel. A process may not open so many files here (ulimit -n).\n');
  return Object.fromEntries(CONTESTANTS.filter(({ name }) => samples.has(name)).map(({ name }) => [name, summarize(samples.get(name))]));
}

const bytes = (value) => (Number.isNaN(value) ? 'unknown' : value.toFixed(0));

function printCase(title, results) {
  process.stdout.write(`\n${title}\n`);
  const rows = Object.entries(results).map(([name, { openNative, native, javascript, kernel, median: total, min, max, samples }]) => {
    const ahead = results[NODE] === undefined ? '' : `${(results[NODE].median / total).toFixed(2)} x`;
    const range = samples === 1 ? '' : `${bytes(min)} to ${bytes(max)} in ${samples} runs`;
    return [name, bytes(openNative), bytes(native), bytes(javascript), bytes(kernel), bytes(total), ahead, range];
  });
  table(['', 'native before the pop', 'native', 'JavaScript', 'kernel', 'all', 'less than Node', ''], rows);
  const grown = Object.entries(results[NODE]?.caches ?? {}).sort(([, a], [, b]) => b - a);
  if (grown.length > 0) process.stdout.write(`the kernel, for Node: ${grown.map(([name, value]) => `${name} ${bytes(value)}`).join(', ')}\n`);
}

const short = (count) => (count >= 1e6 ? `${count / 1e6} M` : count >= 1e3 ? `${count / 1e3} k` : String(count));
const titleOf = ({ connections }) => `${short(connections)} connections`;

/** The figure of the case with most connections that has all of them. */
function inLargest(names, figure) {
  return (cases) => {
    const found = settings.map((one) => cases[titleOf(one)]).filter((results) => results !== undefined && names.every((name) => name in results));
    return found.length === 0 ? NaN : figure(found.at(-1));
  };
}

const ours = (network, pop) => `${network().name}, ${pop}`;
const goals = [
  ...OURS.map((network) => ({
    text: `${ours(network, PENDING)}: <= ${NATIVE_MAX} B native`,
    value: inLargest([ours(network, PENDING)], (results) => results[ours(network, PENDING)].native),
    met: (value) => value <= NATIVE_MAX,
    unit: 'B',
  })),
  ...OURS.map((network) => ({
    text: `${ours(network, AWAITED)}: <= ${JAVASCRIPT_MAX} B of JavaScript`,
    value: inLargest([ours(network, AWAITED)], (results) => results[ours(network, AWAITED)].javascript),
    met: (value) => value <= JAVASCRIPT_MAX,
    unit: 'B',
  })),
  ...OUT_OF_KERNEL.filter((network) => network !== loopback).flatMap((network) => [PENDING, AWAITED].map((pop) => ({
    text: `${ours(network, pop)}: >= ${LESS_MIN} x less than Node with the kernel's part`,
    value: inLargest([ours(network, pop), NODE], (results) => (Number.isNaN(results[NODE].kernel) ? NaN : results[NODE].median / results[ours(network, pop)].median)),
    met: (value) => value >= LESS_MIN,
  }))),
];

async function main() {
  const where = { ...machine(), demi: version };
  process.stdout.write('idle: bytes of one end of an open connection on which nothing happens\n');
  process.stdout.write(`${where.cpu}, ${where.kernel}, Node ${where.node}, demi-io ${version}${mode === 'full' ? '' : `; --${mode}`}\n`);
  const cases = {};
  const deadline = mode === 'quick' ? QUICK_DEADLINE_MS : Infinity;
  for (const one of settings) {
    if (2 * one.connections * BYTES_OF_END > freemem()) {
      process.stdout.write(`\nLeft out: ${titleOf(one)}. They take more memory than is free.\n`);
      continue;
    }
    if (performance.now() > deadline) {
      process.stdout.write(`\nLeft out: ${titleOf(one)}. The time of --quick is nearly over.\n`);
      continue;
    }
    const results = (cases[titleOf(one)] = await measureCase(one, deadline / settings.length));
    printCase(titleOf(one), results);
  }
  const verdicts = judge(goals, cases);
  printGoals(verdicts);
  writeResults('idle', { name: 'idle', title: 'an idle connection', unit: 'B', mode, machine: where, settings, cases, goals: verdicts });
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
});
