'use strict';

// Bench `token`: what an operation costs in JavaScript. Messages of 64 bytes go through a memory queue of the loopback libOS and through
// its peers, all in this process and this thread. A pair is one push and one pop, with its SgArray freed.
//
// "Two promise turns", which the awaited pair is compared with, is what two awaits must cost when what is awaited is no native promise but
// has a `then` that returns a promise, as QToken has: for each, an object is made whose `then` is
// `return Promise.resolve(this.value).then(f, r)`, and awaited. Two cheaper things are measured beside it: a `then` that only calls back
// (which makes no promise and could not stand for one), and two awaits of `Promise.resolve(value)`.

const { once } = require('node:events');
const path = require('node:path');
const { PassThrough } = require('node:stream');
const { MessageChannel, receiveMessageOnPort } = require('node:worker_threads');

const { createLibOS } = require('../..');
const { loadPeer } = require('./support/build-peer');
const { machine, measure, mode, pin, table, writeResults } = require('./support/measure');
const { version } = require('../../package.json');

const settings = {
  smoke: { repetitions: 1, sampleMs: 1, warmUpMs: 1, deadline: performance.now() + 10_000 },
  quick: { repetitions: 7, sampleMs: 30, warmUpMs: 200, deadline: performance.now() + 30_000 },
  full: { repetitions: 25, sampleMs: 60, warmUpMs: 600, deadline: performance.now() + 240_000 },
}[mode];

const BYTES = 64;
const COROUTINES = 64;
const PAIRS = 32;
const data = new Uint8Array(BYTES).map((_, i) => i);

// --- demi-io ---

const os = createLibOS({ libos: 'loopback' });
const qd = os.queue();

function synchronous(count) {
  for (let i = 0; i < count; ++i) {
    os.push(qd, data);
    os.wait(os.pop(qd)).sga.free();
  }
}

async function awaitedBoth(count) {
  for (let i = 0; i < count; ++i) {
    await os.push(qd, data);
    const { sga } = await os.pop(qd);
    sga.free();
  }
}

async function awaitedPop(count) {
  for (let i = 0; i < count; ++i) {
    os.push(qd, data);
    const { sga } = await os.pop(qd);
    sga.free();
  }
}

// Each coroutine pops its own queue and then pushes to that of the one before it, whose pop is waiting by then.
const ring = Array.from({ length: COROUTINES }, () => os.queue());

async function coroutine(own, before, rounds) {
  for (let i = 0; i < rounds; ++i) {
    const popped = os.pop(own);
    os.push(before, data);
    const { sga } = await popped;
    sga.free();
  }
}

function coroutines(count) {
  const rounds = count / COROUTINES;
  return Promise.all(ring.map((own, i) => coroutine(own, ring[(i + COROUTINES - 1) % COROUTINES], rounds)));
}

const makeBatch = () => Array.from({ length: PAIRS }, () => [{ op: 'push', qd, data }, { op: 'pop', qd }]).flat();
const keptBatch = makeBatch();

function batched(count) {
  for (let i = 0; i < count; i += PAIRS) collectBatch(os.submit(keptBatch));
}

function batchedAnew(count) {
  for (let i = 0; i < count; i += PAIRS) {
    const batch = [];
    for (let k = 0; k < PAIRS; ++k) batch.push({ op: 'push', qd, data }, { op: 'pop', qd });
    collectBatch(os.submit(batch));
  }
}

function collectBatch(tokens) {
  for (let k = 1; k < tokens.length; k += 2) os.wait(tokens[k]).sga.free();
}

// --- peers ---

const addon = loadPeer(path.join(__dirname, 'peers', 'object-addon'), 'object_addon');
const addonQueue = addon.queue();
const into = new Uint8Array(BYTES);

function addonSynchronous(count) {
  for (let i = 0; i < count; ++i) {
    addon.push(addonQueue, data);
    addon.pop(addonQueue, into);
  }
}

async function addonAwaited(count) {
  for (let i = 0; i < count; ++i) {
    await addon.pushPromise(addonQueue, data);
    await addon.popPromise(addonQueue, into);
  }
}

const heard = new MessageChannel();
let onMessage;
heard.port2.on('message', (message) => onMessage(message));

async function channelAwaited(count) {
  for (let i = 0; i < count; ++i) {
    const arrived = new Promise((resolve) => (onMessage = resolve));
    heard.port1.postMessage(data);
    await arrived;
  }
}

const polled = new MessageChannel();

function channelSynchronous(count) {
  for (let i = 0; i < count; ++i) {
    polled.port1.postMessage(data);
    receiveMessageOnPort(polled.port2);
  }
}

const read = new PassThrough();
read.on('readable', () => {});

function streamSynchronous(count) {
  for (let i = 0; i < count; ++i) {
    read.write(data);
    read.read();
  }
}

const iterated = new PassThrough();
const chunks = iterated[Symbol.asyncIterator]();

async function streamAwaited(count) {
  for (let i = 0; i < count; ++i) {
    iterated.write(data);
    await chunks.next();
  }
}

class Thenable {
  constructor(value) {
    this.value = value;
  }
  then(onfulfilled, onrejected) {
    return Promise.resolve(this.value).then(onfulfilled, onrejected);
  }
}

class Callback {
  constructor(value) {
    this.value = value;
  }
  then(onfulfilled) {
    onfulfilled(this.value);
  }
}

const value = { opcode: 'pop', qd: 1 };

async function turnsOfThenables(count) {
  for (let i = 0; i < count; ++i) {
    await new Thenable(value);
    await new Thenable(value);
  }
}

async function turnsOfCallbacks(count) {
  for (let i = 0; i < count; ++i) {
    await new Callback(value);
    await new Callback(value);
  }
}

async function turnsOfPromises(count) {
  for (let i = 0; i < count; ++i) {
    await Promise.resolve(value);
    await Promise.resolve(value);
  }
}

function nativeCall(count) {
  const { nothing } = addon;
  for (let i = 0; i < count; ++i) nothing();
}

const { native } = os.engine;

function flushCall(count) {
  for (let i = 0; i < count; ++i) native.flush();
}

// --- goals ---

const competitors = [
  { name: 'demi-io synchronous', run: synchronous },
  { name: 'demi-io both awaited', run: awaitedBoth },
  { name: 'demi-io pop awaited', run: awaitedPop },
  { name: 'demi-io 64 coroutines', run: coroutines, unit: COROUTINES },
  { name: 'demi-io submit, 32 pairs', run: batched, unit: PAIRS },
  { name: 'demi-io submit, objects made anew', run: batchedAnew, unit: PAIRS },
  { name: 'object addon synchronous', run: addonSynchronous },
  { name: 'object addon awaited', run: addonAwaited },
  { name: 'MessageChannel polled', run: channelSynchronous },
  { name: 'MessageChannel awaited', run: channelAwaited },
  { name: 'PassThrough write + read', run: streamSynchronous },
  { name: 'PassThrough awaited', run: streamAwaited },
  { name: 'two promise turns (thenables)', run: turnsOfThenables },
  { name: 'two turns, callback thenables', run: turnsOfCallbacks },
  { name: 'two turns, native promises', run: turnsOfPromises },
  { name: 'one native call, no arguments', run: nativeCall },
  { name: 'one native flush(), nothing to do', run: flushCall },
];

const ns = (limit) => ({ text: `<= ${limit} ns`, value: (own) => own, format: (v) => `${v.toFixed(0)} ns`, met: (v) => v <= limit });
const atMost = (limit, other) => ({
  text: `<= ${limit} x ${other}`,
  value: (own, all) => own / all[other].median,
  format: (v) => `${v.toFixed(2)} x`,
  met: (v) => v <= limit,
});
const faster = (limit, other) => ({
  text: `>= ${limit} x faster than ${other}`,
  value: (own, all) => all[other].median / own,
  format: (v) => `${v.toFixed(2)} x`,
  met: (v) => v >= limit,
});

const goals = [
  ['demi-io synchronous', ns(130)],
  ['demi-io synchronous', faster(8, 'object addon synchronous')],
  ['demi-io both awaited', atMost(1.2, 'two promise turns (thenables)')],
  ['demi-io both awaited', faster(1.5, 'object addon awaited')],
  ['demi-io pop awaited', ns(240)],
  ['demi-io 64 coroutines', ns(330)],
  ['demi-io submit, 32 pairs', ns(60)],
];

/** What is measured must also be right: each way carries the 64 bytes. */
async function checkPeers() {
  os.push(qd, data);
  const { sga } = os.wait(os.pop(qd));
  const right = (bytes) => bytes.length === BYTES && data.every((byte, i) => byte === bytes[i]);
  if (!right(sga.toBuffer())) throw new Error('demi-io gave other bytes');
  sga.free();
  addonSynchronous(1);
  if (!right(into)) throw new Error('the object addon gave other bytes');
  polled.port1.postMessage(data);
  if (!right(receiveMessageOnPort(polled.port2).message)) throw new Error('MessageChannel gave other bytes');
  read.write(data);
  if (!right(read.read())) throw new Error('PassThrough gave other bytes');
}

/** The part of the coroutines' operations that really waited; of two operations one is a pop. */
async function waitedShare() {
  const before = os.stats();
  await coroutines(COROUTINES * 1000);
  const after = os.stats();
  return (2 * (after.operationsThatWaited - before.operationsThatWaited)) / (after.operations - before.operations);
}

async function main() {
  await checkPeers();
  const pinned = pin();
  const where = { ...machine(), demi: version, pinned };
  process.stdout.write(`token: push + pop of ${BYTES} B, one thread; ns for a pair (median, min, max of the repetitions)\n`);
  process.stdout.write(`${where.cpu}, ${where.cpus} cores, ${where.kernel}, Node ${where.node}, V8 ${where.v8}, demi-io ${version}\n`);
  process.stdout.write(`${pinned}; load ${where.load.join(' ')}${mode === 'full' ? '' : `; --${mode}`}\n\n`);
  const results = await measure(competitors, settings);
  const share = await waitedShare();

  const rows = competitors.map(({ name }) => {
    const { median, min, max, samples, disturbed, disturbedUsed } = results[name];
    const note = disturbed === 0 ? '' : `${disturbed} of ${samples} disturbed${disturbedUsed ? ', all used' : ''}`;
    return [name, median.toFixed(1), min.toFixed(1), max.toFixed(1), note];
  });
  table(['', 'median', 'min', 'max', ''], rows);
  process.stdout.write(`libdill channel, for reference (published): 40\n`);
  process.stdout.write(`64 coroutines: ${(share * 100).toFixed(0)} % of the pops waited for their push\n\n`);

  const verdicts = goals.map(([name, goal]) => {
    const reached = goal.value(results[name].median, results);
    return { name, goal: goal.text, reached, text: goal.format(reached), met: goal.met(reached) };
  });
  table(['goal', '', 'reached', ''], verdicts.map(({ name, goal, text, met }) => [name, goal, text, met ? 'met' : 'MISSED']));

  const total = Object.values(results).reduce((sum, { samples }) => sum + samples, 0);
  const disturbed = Object.values(results).reduce((sum, result) => sum + result.disturbed, 0);
  if (disturbed > 0) {
    process.stdout.write(`\nDisturbed: in ${disturbed} of ${total} repetitions other load took the processor or the core was slowed; `);
    process.stdout.write('they were left out where 3 others remained. Trust the ratios before the times.\n');
  }
  writeResults('token', { name: 'token', unit: 'ns', mode, machine: where, settings, results, coroutinesWaited: share, goals: verdicts, disturbed: { disturbed, total } });

  heard.port1.close();
  polled.port1.close();
  await Promise.all([once(heard.port2, 'close'), os.stop()]);
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
});
