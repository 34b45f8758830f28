'use strict';

// What the programs that hold connections open (../peers/*-open.js) share: the questions of holder.js, which come and are answered as messages, and the two
// that all of them answer in the same way: how much memory this process has, and how much processor time it takes while nothing happens.

const fs = require('node:fs');
const { setTimeout: pauseFor } = require('node:timers/promises');
const v8 = require('node:v8');

// Acknowledgments that were delayed are on their way by then (40 ms), and V8 has ended what it does beside a collection.
const QUIET_MS = 300;

/**
 * Bytes of this process: `resident`, what is in memory of all that is no file; `heap`, what JavaScript's objects take; `heapResident`, what V8 keeps in memory
 * for them. What is resident and not V8's is native.
 */
async function memory() {
  await pauseFor(QUIET_MS);
  for (let i = 0; i < 3; ++i) globalThis.gc();
  const status = fs.readFileSync('/proc/self/status', 'utf8');
  const kilobytes = (key) => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(status)[1]);
  const { used_heap_size: heap, total_physical_size: heapResident } = v8.getHeapStatistics();
  return { resident: (kilobytes('RssAnon') + kilobytes('RssShmem')) * 1024, heap, heapResident };
}

/** The part of one core that this process takes for so many milliseconds, and how often it woke up. */
async function rest({ ms }) {
  await pauseFor(QUIET_MS);
  const began = performance.now();
  const before = process.resourceUsage();
  await pauseFor(ms);
  const after = process.resourceUsage();
  const cpuUs = after.userCPUTime + after.systemCPUTime - before.userCPUTime - before.systemCPUTime;
  const wallMs = performance.now() - began;
  return { share: cpuUs / 1000 / wallMs, wakeups: (after.voluntaryContextSwitches - before.voluntaryContextSwitches) / (wallMs / 1000) };
}

/** Answers the questions of the process that started this one, until that is gone. */
function answer(questions) {
  const known = { memory, rest, ...questions };
  process.on('message', async ({ what, values }) => {
    try {
      process.send({ answer: (await known[what](values)) ?? null });
    } catch (error) {
      process.send({ error: error.stack });
    }
  });
  process.on('disconnect', () => process.exit());
}

module.exports = { answer };
