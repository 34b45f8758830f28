'use strict';

// Bench `stack`: what our TCP/IP costs for each segment, in C++, one process and one thread, without a device. Requests of 64 bytes of text, with
// timestamps, come in bursts of 32 frames, or as many as there are connections, each on another connection in random order.
//
//   receive        handle_frames(), then the event of each socket is polled and its bytes are taken and given back
//   whole turn     the same, and handle_timeout() and poll_transmit() until there is nothing more to say
//   echo           a whole turn in which the bytes go back: an answer of 64 bytes leaves with the acknowledgment of its request, and each request
//                  acknowledges the answer before
//   bare loop      checksums, the table of connections, the headers of an answer, and no TCP
//
// Making the requests and checking the answers is not measured. The program is test/bench/stack/stack_bench.cc.

const { spawnSync } = require('node:child_process');

const { buildWithMake } = require('./support/build-program');
const { machine, mode, pin, summarizeSamples, table, writeResults } = require('./support/measure');
const { version } = require('../../package.json');

const settings = {
  smoke: { repetitions: 1, ms: 1, connections: [1, 1000] },
  quick: { repetitions: 5, ms: 20, connections: [1, 10, 1000, 100_000, 1_000_000] },
  full: { repetitions: 15, ms: 100, connections: [1, 10, 1000, 100_000, 1_000_000] },
}[mode];

const RECEIVE_MAX_NS = 53;
const ECHO_MAX_NS = 100;
const MILLION_MAX_RATIO = 3;

// With so many connections one case takes longer than a retransmission timeout: each has a process of its own.
const ONE_CASE_FROM = 1_000_000;
const CASES_OF_MANY = ['echo', 'bare loop'];

/** Everything that is measured: facts of the program, and samples. */
function measure(program) {
  const few = run(program, settings.connections.filter((count) => count < ONE_CASE_FROM));
  const many = settings.connections.filter((count) => count >= ONE_CASE_FROM);
  const runs = many.flatMap((count) => CASES_OF_MANY.map((name) => run(program, [count], `case=${name}`)));
  return { facts: few.facts, samples: [few, ...runs].flatMap(({ samples }) => samples) };
}

/** Its lines: facts of the program, and samples. */
function run(program, connections, ...more) {
  const args = [`repetitions=${settings.repetitions}`, `ms=${settings.ms}`, `connections=${connections.join(',')}`, ...more];
  const { status, signal, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (status !== 0) throw new Error(`the benchmark failed (${signal ?? status}): ${stderr}`);
  const lines = stdout.trim().split('\n').map((line) => JSON.parse(line));
  return { facts: Object.assign({}, ...lines.filter((line) => !('case' in line))), samples: lines.filter((line) => 'case' in line) };
}

/** `case @ connections` -> what its samples come to. */
function summarize(samples) {
  const best = Math.min(...samples.map(({ slowed }) => slowed));
  const groups = new Map();
  for (const sample of samples) {
    const key = `${sample.case} @ ${sample.connections}`;
    groups.set(key, [...(groups.get(key) ?? []), sample]);
  }
  return Object.fromEntries(
    [...groups].map(([key, group]) => {
      const allocations = group.reduce((sum, sample) => sum + sample.allocations, 0);
      return [key, { case: group[0].case, connections: group[0].connections, ...summarizeSamples(group, best), allocations }];
    }),
  );
}

const short = (count) => (count >= 1e6 ? `${count / 1e6} M` : count >= 1e3 ? `${count / 1e3} k` : String(count));

/** What was to be reached; a goal that this mode has not measured is left out. */
function judge(results) {
  const median = (name, connections) => results[`${name} @ ${connections}`]?.median;
  const echo = median('echo', 1000);
  const goals = [
    { text: `receive, 1 connection: <= ${RECEIVE_MAX_NS} ns`, reached: median('receive', 1), limit: RECEIVE_MAX_NS, unit: 'ns' },
    { text: `receive, 1 k connections: <= ${RECEIVE_MAX_NS} ns`, reached: median('receive', 1000), limit: RECEIVE_MAX_NS, unit: 'ns' },
    { text: `echo, 1 k connections: <= ${ECHO_MAX_NS} ns`, reached: echo, limit: ECHO_MAX_NS, unit: 'ns' },
    { text: `echo, 1 M connections: <= ${MILLION_MAX_RATIO} x 1 k`, reached: median('echo', 1_000_000) / echo, limit: MILLION_MAX_RATIO, unit: 'x' },
  ];
  return goals.filter(({ reached }) => reached > 0).map((goal) => ({ ...goal, met: goal.reached <= goal.limit }));
}

function main() {
  const program = buildWithMake('stack_bench');
  if (program === undefined) throw new Error('the benchmark is built by make, which is not installed');
  const pinned = pin();
  const where = { ...machine(), demi: version, pinned };
  process.stdout.write(`stack: requests of 64 B of text, ns for each (median, min, max of the repetitions)\n`);
  process.stdout.write(`${where.cpu}, ${where.cpus} cores, ${where.kernel}, demi-io ${version}\n`);
  process.stdout.write(`${pinned}; load ${where.load.join(' ')}${mode === 'full' ? '' : `; --${mode}`}\n\n`);
  const { facts, samples } = measure(program);
  const results = summarize(samples);

  const rows = Object.values(results).map((result) => {
    const bare = results[`bare loop @ ${result.connections}`];
    const note = result.disturbed === 0 ? '' : `${result.disturbed} of ${result.samples} disturbed${result.disturbedUsed ? ', all used' : ''}`;
    const ratio = result === bare ? '' : (result.median / bare.median).toFixed(2);
    return [result.case, short(result.connections), result.median.toFixed(1), result.min.toFixed(1), result.max.toFixed(1), ratio, String(result.allocations), note];
  });
  table(['', 'connections', 'median', 'min', 'max', 'x bare loop', 'allocations', ''], rows);
  const calls = { true: 'some', false: 'none' }[facts.systemCalls] ?? 'not known here';
  process.stdout.write(`\nsystem calls in 100 k echoes: ${calls}; a connection takes ${facts.connectionBytes} B, and ${facts.flightBytes} B more while it waits for an acknowledgment\n`);
  process.stdout.write('in-order segment to a runnable task, for reference (published for another stack): 53 ns\n\n');

  const goals = judge(results);
  table(['goal', 'reached', ''], goals.map(({ text, reached, unit, met }) => [text, `${reached.toFixed(unit === 'x' ? 2 : 1)} ${unit}`, met ? 'met' : 'MISSED']));
  const disturbed = Object.values(results).reduce((sum, result) => sum + result.disturbed, 0);
  if (disturbed > 0) {
    process.stdout.write(`\nDisturbed: in ${disturbed} of ${samples.length} repetitions other load took the processor or the core was slowed; `);
    process.stdout.write('they were left out where 3 others remained. Trust the ratios before the times.\n');
  }
  writeResults('stack', { name: 'stack', unit: 'ns', mode, machine: where, settings, facts, results, goals, disturbed: { disturbed, total: samples.length } });
}

try {
  main();
} catch (error) {
  process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
}
