'use strict';

// A benchmark of servers and clients on 127.0.0.1: contestants measured in turns, the table, the system calls, the goals, the JSON.
// A contestant is a pair of programs for each case; process-pair.js runs one.

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const { buildProgram, buildWithMake } = require('./build-program');
const { Histogram } = require('./histogram');
const { machine, median, mode, table, writeResults } = require('./measure');
const { memifSocket, nativeArguments, networkArguments } = require('./networks');
const { START_LIMIT_MS, callCounter, cores, runPair } = require('./process-pair');
const { version } = require('../../../package.json');

// Others took more than this part of the time of the two cores together.
const OTHERS_MAX = 0.1;
const usual = {
  smoke: { repetitions: 1, warm: 1, ms: 20, callsMs: 0, deadlineMs: 5_000 },
  quick: { repetitions: 3, warm: 500, ms: 300, callsMs: 300, deadlineMs: 40_000 },
  full: { repetitions: 9, warm: 800, ms: 600, callsMs: 500, deadlineMs: 240_000 },
};

const peers = path.join(__dirname, '..', 'peers');
const javascript = (file) => [process.execPath, path.join(peers, file)];

function compiled(folder, library) {
  return (role) => {
    const program = buildProgram(path.join(peers, folder), role, library);
    return program && [program];
  };
}

let native;

/** The programs that take part; undefined for the C programs where there is no compiler, or no libdpdk for those that take it. */
const programs = {
  demi: (role) => [...javascript('demi-tcp.js'), role],
  demiWorkers: (role) => [...javascript('demi-workers.js'), role],
  node: (role) => [...javascript('node-net.js'), role],
  ws: (role) => [...javascript('node-ws.js'), role],
  nodeCluster: (role) => [...javascript('node-cluster.js'), role],
  c: compiled('c-epoll'),
  raw: compiled('raw-packet'),
  rawMemif: compiled('raw-memif', 'libdpdk'),
  native: () => {
    native ??= { program: buildWithMake('bench_client') };
    return native.program && [native.program];
  },
};

/** Measures the contestants of one case in turns, with another one first each time. */
async function measureCase(contestants, { repetitions, warm, ms, deadlineMs }) {
  const limitMs = START_LIMIT_MS + warm + ms;
  const samples = new Map(contestants.map((contestant) => [contestant, []]));
  const deadline = performance.now() + deadlineMs;
  for (let repetition = 0; repetition < repetitions; ++repetition) {
    if (repetition > 0 && performance.now() > deadline) break;
    for (let k = 0; k < contestants.length; ++k) {
      const contestant = contestants[(k + repetition) % contestants.length];
      const client = [...contestant.client, `warm=${warm}`, `ms=${ms}`];
      samples.get(contestant).push(await runPair({ ...contestant, client, limitMs }));
    }
  }
  return samples;
}

/** What the samples of a contestant come to. */
function summarize(samples, valueOf) {
  const clean = samples.filter(({ othersShare }) => othersShare <= OTHERS_MAX);
  const used = clean.length >= 3 ? clean : samples;
  const values = used.map(valueOf);
  const all = new Histogram();
  for (const { histogram } of used) all.add(histogram);
  return {
    median: median(values),
    min: Math.min(...values),
    max: Math.max(...values),
    latency: { p50: all.percentile(50), p99: all.percentile(99), p999: all.percentile(99.9), max: all.percentile(100) },
    serverCpu: median(used.map(({ serverCpu, messages }) => serverCpu / messages)),
    clientCpu: median(used.map(({ clientCpu, messages }) => clientCpu / messages)),
    samples: samples.length,
    disturbed: samples.length - clean.length,
    disturbedUsed: clean.length < samples.length && clean.length < 3,
  };
}

/** System calls for each message, on both sides. */
async function countCalls(contestant, { callsMs = 0 }) {
  if (callsMs === 0 || callCounter() === undefined) return undefined;
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'demi-bench-'));
  try {
    const { messages, calls } = await runPair({ ...contestant, client: [...contestant.client, 'warm=0', `ms=${callsMs}`] }, folder);
    const perMessage = (counts) => Object.fromEntries(Object.entries(counts).map(([call, count]) => [call, count / messages]));
    return { server: perMessage(calls.server), client: perMessage(calls.client) };
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

function callsText(counts) {
  const shown = Object.entries(counts).filter(([, count]) => count >= 0.01).sort(([, a], [, b]) => b - a);
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return [total.toFixed(2), shown.map(([call, count]) => `${call} ${count.toFixed(2)}`).join(', ')];
}

const us = (ns) => (ns / 1000).toFixed(1);

function printCase(title, unit, format, results) {
  process.stdout.write(`\n${title}\n`);
  const head = ['', unit, 'min', 'max', 'p50 us', 'p99', 'p99.9', 'max', 'cpu us/msg: server', 'client', ''];
  const rows = Object.entries(results).map(([name, { median: middle, min, max, latency, serverCpu, clientCpu, samples, disturbed, disturbedUsed }]) => {
    const note = disturbed === 0 ? '' : `${disturbed} of ${samples} disturbed${disturbedUsed ? ', all used' : ''}`;
    const { p50, p99, p999, max: most } = latency;
    return [name, format(middle), format(min), format(max), us(p50), us(p99), us(p999), us(most), us(serverCpu), us(clientCpu), note];
  });
  table(head, rows);
  const counted = Object.entries(results).filter(([, { calls }]) => calls !== undefined);
  if (counted.length === 0) return;
  process.stdout.write(`system calls for each message, counted by ${callCounter()} in a run of their own\n`);
  table(
    ['', 'all', 'side', ''],
    counted.flatMap(([name, { calls }]) =>
      ['server', 'client'].map((side) => {
        const [total, list] = callsText(calls[side]);
        return [name, total, side, list];
      }),
    ),
  );
}

function judge(goals, cases, earlier) {
  return goals.map(({ text, value, met, unit = 'x' }) => {
    const reached = value(cases, earlier);
    return { goal: text, reached, unit, met: Number.isFinite(reached) ? met(reached) : undefined };
  });
}

function printGoals(verdicts) {
  const verdict = (met) => (met === undefined ? 'not measured' : met ? 'met' : 'MISSED');
  process.stdout.write('\n');
  table(['goal', 'reached', ''], verdicts.map(({ goal, reached, unit, met }) => [goal, met === undefined ? '' : `${reached.toFixed(2)} ${unit}`, verdict(met)]));
}

/**
 * Runs a benchmark.
 *
 * @param cases - `{ title, contestants }[]`, a contestant being `{ name, server, client }` (programs with arguments).
 * @param valueOf - the figure of one sample; `unit` and `format` are for the table.
 * @param goals - `{ text, value(cases, earlier), met(value), unit }[]`; cases: title -> name -> summary.
 * @param own - settings of its own for some modes.
 * @param before - what it measures by itself before: prints, and returns what is written as `earlier`.
 * @param more, printMore - further figures of the samples of a contestant, written as `more`, and how those of a case are printed.
 * @param printAll - prints what all cases together say.
 */
async function networkBench({ name, title, cases, unit, format, valueOf, goals, own = {}, before, more, printMore, printAll }) {
  const settings = { ...usual[mode], ...own[mode] };
  const where = { ...machine(), demi: version, cores };
  const pinned = cores === undefined ? 'not pinned (no taskset)' : `server on core ${cores.server}, client on core ${cores.client}`;
  process.stdout.write(`${name}: ${title}\n`);
  process.stdout.write(`${where.cpu}, ${where.cpus} cores, ${where.kernel}, Node ${where.node}, demi-io ${version}\n`);
  process.stdout.write(`${pinned}; load ${where.load.join(' ')}${mode === 'full' ? '' : `; --${mode}`}\n`);
  const earlier = await before?.();
  const results = {};
  const deadlineMs = settings.deadlineMs / cases.length;
  for (const { title: caseTitle, contestants } of cases) {
    const present = contestants.filter(({ server, client }) => server !== undefined && client !== undefined);
    const samples = await measureCase(present, { ...settings, deadlineMs });
    const result = (results[caseTitle] = {});
    for (const contestant of present) {
      const ofContestant = samples.get(contestant);
      result[contestant.name] = {
        ...summarize(ofContestant, valueOf),
        calls: await countCalls(contestant, settings),
        ...(more === undefined ? {} : { more: more(ofContestant) }),
      };
    }
    printCase(caseTitle, unit, format, result);
    printMore?.(result);
  }
  printAll?.(results);
  const verdicts = judge(goals, results, earlier);
  printGoals(verdicts);
  const all = Object.values(results).flatMap((result) => Object.values(result));
  const disturbed = all.reduce((sum, summary) => sum + summary.disturbed, 0);
  const total = all.reduce((sum, { samples }) => sum + samples, 0);
  if (disturbed > 0) {
    process.stdout.write(`\nDisturbed: in ${disturbed} of ${total} runs others took more than ${OTHERS_MAX * 100} % of the two cores; `);
    process.stdout.write('they were left out where 3 others remained. Trust the ratios before the figures.\n');
  }
  writeResults(name, { name, title, unit, mode, machine: where, settings, earlier, cases: results, goals: verdicts, disturbed: { disturbed, total } });
}

/** Runs it, and ends the process with status 1 when it fails. */
function runNetworkBench(bench) {
  networkBench(bench).catch((error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exitCode = 1;
  });
}

/** A with(out) for arguments that a missing program does not get. */
const given = (program, ...args) => program && [...program, ...args];

/** demi-io at both ends of a network, with what is said to both and to the client; undefined where there is no such network. */
function overNetwork(network, name, [serverWorkload, ...serverArguments], [clientWorkload, ...clientArguments]) {
  return (
    network && {
      name,
      server: given(programs.demi('server'), serverWorkload, ...networkArguments(network, 'server'), ...serverArguments),
      client: given(programs.demi('client'), clientWorkload, ...networkArguments(network, 'client'), ...clientArguments),
    }
  );
}

/** demi-io as a server over DPDK, and the client without JavaScript; undefined where there is no such network. */
function underLoad(network, name, [serverWorkload, ...serverArguments], [clientWorkload, ...clientArguments]) {
  return (
    network && {
      name,
      server: given(programs.demi('server'), serverWorkload, ...networkArguments(network, 'server'), ...serverArguments),
      client: given(programs.native(), clientWorkload, ...nativeArguments(network), ...clientArguments),
    }
  );
}

/** DPDK's shared memory by itself, in C, with the programs of ../peers/raw-memif. */
function rawMemif(name, serverWorkload, clientWorkload, ...clientArguments) {
  const socket = `socket=${memifSocket('raw')}`;
  return {
    name,
    server: given(programs.rawMemif('server'), serverWorkload, socket),
    client: given(programs.rawMemif('client'), clientWorkload, socket, ...clientArguments),
  };
}

module.exports = { given, judge, overNetwork, printGoals, programs, rawMemif, runNetworkBench, summarize, underLoad };
