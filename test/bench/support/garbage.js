'use strict';

// An allocation load, the same for whoever has it: each millisecond OBJECTS objects with a string and an array are made (some 30 KB), and those of
// the last HELD_MS milliseconds are held. So young objects survive, move and become old, and old ones die: V8 collects both generations all the time.

const { PerformanceObserver } = require('node:perf_hooks');

const EVERY_MS = 1;
const OBJECTS = 200;
const HELD_MS = 256;

const makeObjects = (n) => Array.from({ length: OBJECTS }, (_, i) => ({ id: i, text: `object ${n}`, list: [n, i] }));

/**
 * Begins it, for as long as the process lives. `collected()` tells the collections since the last `restart()`: their number, and how long they
 * stopped JavaScript.
 */
function makeGarbage() {
  const held = new Array(HELD_MS / EVERY_MS).fill(undefined);
  let n = 0;
  setInterval(() => {
    held[n % held.length] = makeObjects(n);
    ++n;
  }, EVERY_MS).unref();
  const none = () => ({ collections: 0, ms: 0, longestMs: 0 });
  let found = none();
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) {
      ++found.collections;
      found.ms += duration;
      found.longestMs = Math.max(found.longestMs, duration);
    }
  }).observe({ entryTypes: ['gc'] });
  return {
    restart() {
      found = none();
    },
    collected: () => found,
  };
}

module.exports = { makeGarbage };
