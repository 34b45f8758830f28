'use strict';

// The links over which stacks are compared (differential.js). Times are one way, chances hold for each frame both ways. The rate is one that any
// processor keeps up with, so that what is measured is how the link is used. Bytes are as many as take some seconds at most.

const LINK = { rate_mbit: 50, queue_bytes: 250_000 };
const MILLION = 1e6;

const lossy = (loss, delayMs, bytes) => ({
  title: `loss ${loss} %, delay ${delayMs} ms`,
  link: { ...LINK, loss: loss / 100, delay_us: delayMs * 1000 },
  bytes,
});

const SCENARIOS = [
  lossy(0, 1, 10 * MILLION),
  lossy(0, 10, 10 * MILLION),
  lossy(0, 50, 10 * MILLION),
  lossy(0.1, 1, 10 * MILLION),
  lossy(0.1, 10, 6 * MILLION),
  lossy(0.1, 50, 3 * MILLION),
  lossy(1, 1, 8 * MILLION),
  lossy(1, 10, 2 * MILLION),
  lossy(1, 50, 0.6 * MILLION),
  lossy(3, 1, 4 * MILLION),
  lossy(3, 10, 1 * MILLION),
  lossy(3, 50, 0.3 * MILLION),
  // A burst of four frames on average, every thousand.
  { title: 'loss in bursts, delay 10 ms', link: { ...LINK, burst_enter: 0.001, burst_leave: 0.25, delay_us: 10_000 }, bytes: 4 * MILLION },
  { title: 'reorder 2 % by 3 ms, delay 10 ms', link: { ...LINK, reorder: 0.02, reorder_delay_us: 3000, delay_us: 10_000 }, bytes: 6 * MILLION },
  { title: 'jitter 5 ms, delay 10 ms', link: { ...LINK, jitter_us: 5000, delay_us: 10_000 }, bytes: 6 * MILLION },
  { title: 'duplicate 2 %, delay 10 ms', link: { ...LINK, duplicate: 0.02, delay_us: 10_000 }, bytes: 6 * MILLION },
  { title: 'corrupt 0.5 %, delay 10 ms', link: { ...LINK, corrupt: 0.005, delay_us: 10_000 }, bytes: 3 * MILLION },
  { title: '10 Mbit/s, queue 30 kB, delay 10 ms', link: { rate_mbit: 10, queue_bytes: 30_000, delay_us: 10_000 }, bytes: 4 * MILLION },
  { title: '10 Mbit/s, queue 500 kB, delay 10 ms', link: { rate_mbit: 10, queue_bytes: 500_000, delay_us: 10_000 }, bytes: 4 * MILLION },
];

module.exports = { SCENARIOS };
