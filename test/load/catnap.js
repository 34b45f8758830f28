'use strict';

// Load on catnap, by hand: node --expose-gc test/load/catnap.js WHAT [AMOUNT]
//
//   open [15000]     so many connections at once, each of which has exchanged a message; `ulimit -n 20000` first, for either process
//   short [200000]   so many connections one after the other, 64 at a time: connect, one message there and back, close
//   mixed [30]       minutes of everything at once: echoes of all sizes, short connections, datagrams, cancelled and timed out pops, resets.
//                    Fails if memory grows: resident memory between the second and the last quarter, native buffers at the end.
//
// The echo server is a process of its own, which is this file again.

const { fork } = require('node:child_process');
const { once } = require('node:events');
const demi = require('../..');

const { AF_INET, SOCK_STREAM, SOCK_DGRAM, SOL_SOCKET, SO_LINGER } = demi;
const MEGABYTE = 1024 * 1024;
const LIMITS = { queues: 65536, tokens: 1 << 20, bufferBytes: 512 * MEGABYTE };
const makeLibOS = () => demi.createLibOS({ libos: 'catnap', limits: LIMITS });

// --- The server ---

async function echo(os, qd) {
  try {
    for await (const sga of os.pops(qd)) await os.push(qd, sga);
  } catch {
    // The load resets connections on purpose.
  }
  await os.close(qd);
}

async function serve() {
  const os = makeLibOS();
  const listener = os.socket(AF_INET, SOCK_STREAM, 0);
  os.bind(listener, '0.0.0.0:0');
  os.listen(listener, 4096);
  const datagrams = os.socket(AF_INET, SOCK_DGRAM, 0);
  os.bind(datagrams, `0.0.0.0:${os.getsockname(listener).port}`);
  (async () => {
    for await (const { sga, from } of os.datagrams(datagrams)) os.pushto(datagrams, sga, from).catch(() => {});
  })();
  process.on('message', () => process.send({ rss: resident(), ...os.stats() }));
  process.on('disconnect', () => process.exit(0));
  process.send(os.getsockname(listener).port);
  for await (const { newQd } of os.accepts(listener)) void echo(os, newQd);
}

// --- What the loads have in common ---

function resident() {
  global.gc?.();
  return process.memoryUsage().rss;
}
const megabytes = (bytes) => `${(bytes / MEGABYTE).toFixed(1)} MB`;
let lastAddress = 0;
// Several addresses of the server, so that ports in TIME-WAIT do not run out.
const nextAddress = () => `127.0.0.${1 + (lastAddress = (lastAddress + 1) % 16)}`;

async function connected(load) {
  const qd = load.os.socket(AF_INET, SOCK_STREAM, 0);
  await load.os.connect(qd, { address: nextAddress(), port: load.port });
  return qd;
}

/** Sends bytes and reads them back. */
async function exchange(load, qd, bytes) {
  const { os } = load;
  const pushing = os.push(qd, bytes);
  let left = bytes.length;
  while (left > 0) {
    const { sga } = await os.pop(qd, left);
    if (sga.byteLength === 0) throw new Error('the server closed too early');
    left -= sga.byteLength;
    sga.free();
  }
  await pushing;
}

async function shortConnection(load, bytes) {
  const qd = await connected(load);
  await exchange(load, qd, bytes);
  await load.os.close(qd);
}

/** What both processes hold. */
async function account(load, title) {
  load.server.send('stats');
  const [theirs] = await once(load.server, 'message');
  const ours = { rss: resident(), ...load.os.stats() };
  for (const [side, { rss, queues, buffers, bufferBytesMapped }] of [['client', ours], ['server', theirs]]) {
    console.log(`${title}: ${side} resident ${megabytes(rss)}, ${queues} queues, ${buffers} buffers, ${megabytes(bufferBytesMapped)} mapped`);
  }
  return { ours, theirs };
}

// --- The loads ---

const LOADS = {
  async open(load, count = 15_000) {
    await account(load, 'before');
    const from = performance.now();
    const message = Buffer.alloc(64, 'x');
    const qds = [];
    while (qds.length < count) {
      const batch = Array.from({ length: Math.min(100, count - qds.length) }, () => connected(load));
      for (const qd of await Promise.all(batch)) qds.push(qd);
    }
    for (const qd of qds) await exchange(load, qd, message);
    console.log(`${count} connections open after ${((performance.now() - from) / 1000).toFixed(1)} s, a message exchanged on each`);
    await account(load, 'open');
    for (const qd of qds) await load.os.close(qd);
  },

  async short(load, count = 200_000) {
    const before = await account(load, 'before');
    const from = performance.now();
    const message = Buffer.alloc(64, 'x');
    let left = count;
    const one = async () => {
      while (left-- > 0) await shortConnection(load, message);
    };
    await Promise.all(Array.from({ length: 64 }, one));
    const seconds = (performance.now() - from) / 1000;
    console.log(`${count} short connections in ${seconds.toFixed(1)} s, ${(count / seconds).toFixed(0)} a second`);
    const after = await account(load, 'after');
    for (const side of ['ours', 'theirs']) requireThat(after[side].rss < before[side].rss + 100 * MEGABYTE, `resident memory of ${side} grew`);
  },

  async mixed(load, minutes = 30) {
    const end = performance.now() + minutes * 60_000;
    const goesOn = () => performance.now() < end;
    const done = { echoes: 0, short: 0, datagrams: 0, canceled: 0, resets: 0, bytes: 0 };
    const payload = Buffer.alloc(256 * 1024, 'payload');
    const size = () => 1 + Math.floor(payload.length ** Math.random());
    const workers = [];
    const many = (count, work) => {
      for (let i = 0; i < count; ++i) {
        workers.push((async () => { while (goesOn()) await work(); })());
      }
    };
    many(100, async () => {
      const qd = await connected(load);
      for (let i = 0; i < 100 && goesOn(); ++i, ++done.echoes) {
        const bytes = payload.subarray(0, size());
        await exchange(load, qd, bytes);
        done.bytes += 2 * bytes.length;
      }
      await load.os.close(qd);
    });
    many(16, async () => {
      await shortConnection(load, payload.subarray(0, size() % 1000 + 1));
      ++done.short;
    });
    many(4, async () => {
      const qd = load.os.socket(AF_INET, SOCK_DGRAM, 0);
      await load.os.connect(qd, { address: '127.0.0.1', port: load.port });
      for (let i = 0; i < 50; ++i) {
        await load.os.push(qd, payload.subarray(0, size() % 8000));
        // A datagram may be lost.
        await load.os.pop(qd, { timeout: 1000 }).then(({ sga }) => sga.free(), () => {});
        ++done.datagrams;
      }
      await load.os.close(qd);
    });
    many(4, async () => {
      const qd = await connected(load);
      const popping = load.os.pop(qd);
      load.os.cancel(popping);
      await popping.catch(() => {});
      await load.os.pop(qd, { timeout: 2 }).catch(() => {});
      ++done.canceled;
      if (done.canceled % 2 === 0) {
        load.os.setsockopt(qd, SOL_SOCKET, SO_LINGER, { enabled: true, seconds: 0 });
        ++done.resets;
      }
      await load.os.close(qd);
    });
    const samples = [];
    const pause = (minutes * 60_000) / 20;
    while (goesOn()) {
      await new Promise((resolve) => setTimeout(resolve, Math.min(pause, Math.max(0, end - performance.now()))));
      const { ours, theirs } = await account(load, `${((minutes * 60_000 - Math.max(0, end - performance.now())) / 1000).toFixed(0)} s`);
      samples.push(ours.rss + theirs.rss);
    }
    await Promise.all(workers);
    console.log(done);
    const mean = (part) => part.reduce((sum, rss) => sum + rss, 0) / part.length;
    const quarter = Math.floor(samples.length / 4);
    const [early, late] = [mean(samples.slice(quarter, 2 * quarter)), mean(samples.slice(-quarter))];
    console.log(`resident memory of both: ${megabytes(early)} in the second quarter, ${megabytes(late)} in the last`);
    requireThat(late < early * 1.1 + 16 * MEGABYTE, 'resident memory grew');
    const { ours } = await account(load, 'after');
    requireThat(ours.queues === 0, 'queues were left behind');
  },
};

function requireThat(holds, otherwise) {
  if (holds) return;
  console.log(`FAILED: ${otherwise}`);
  process.exitCode = 1;
}

async function main() {
  if (process.argv[2] === 'server') return serve();
  const run = LOADS[process.argv[2]];
  if (run === undefined) {
    console.error(`One of: ${Object.keys(LOADS).join(' ')}`);
    process.exitCode = 1;
    return undefined;
  }
  const amount = process.argv[3] === undefined ? undefined : Number(process.argv[3]);
  const server = fork(__filename, ['server'], { execArgv: ['--expose-gc'] });
  const [port] = await once(server, 'message');
  const load = { os: makeLibOS(), server, port };
  try {
    await run(load, amount);
  } finally {
    server.disconnect();
    await load.os.stop();
  }
  return undefined;
}

main().catch((error) => {
  console.log(`FAILED: ${error.stack}`);
  process.exitCode = 1;
});
