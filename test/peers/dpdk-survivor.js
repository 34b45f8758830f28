'use strict';

// A program on catnip whose peer, dpdk-echo.js, is killed under full traffic, again and again:
//
//   node dpdk-survivor.js CONFIG PEER_CONFIG ROUNDS [LIBRARY]      JSON of configurations; the peer's address is the first of its own
//
// With LIBRARY, a driver of DPDK such as librte_net_memif, it is killed while this thread is in the middle of that (freeze.cc).
//
// It prints what came of it, as JSON: the rounds, how the operations of the last one ended, and what of the libOS was still in use then.

const { fork, spawn } = require('node:child_process');
const { once } = require('node:events');
const { join } = require('node:path');

const { AF_INET, SOCK_STREAM, SOL_SOCKET, SO_LINGER, createLibOS } = require('../..');

const [config, peer] = process.argv.slice(2, 4).map((text) => JSON.parse(text));
const rounds = Number(process.argv[4]);
const library = process.argv[5];
const remote = { address: peer.inet.addresses[0].split('/')[0], port: 7 };
const FREEZE = join(__dirname, '..', '..', 'build', 'peers', 'freeze');
const CONNECTIONS = 4;
const BYTES_BEFORE = 4_000_000;
// What has to be over by then: a peer that is dead says nothing.
const PATIENCE_MS = 500;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** As soon as the link is up. */
async function connected(os) {
  for (const end = Date.now() + 20_000; ; await pause(10)) {
    const qd = os.socket(AF_INET, SOCK_STREAM);
    try {
      await os.connect(qd, remote, { timeout: 1_000 });
      return qd;
    } catch (error) {
      await os.close(qd);
      if (Date.now() > end) throw error;
    }
  }
}

async function round(os) {
  const echo = fork(join(__dirname, 'dpdk-echo.js'), [JSON.stringify(peer)]);
  await once(echo, 'message');
  const qds = [];
  while (qds.length < CONNECTIONS) qds.push(await connected(os));
  let got = 0;
  const pop = async (qd) => {
    for (;;) {
      const { sga } = await os.pop(qd, { timeout: PATIENCE_MS });
      got += sga.byteLength;
      sga.free();
    }
  };
  const push = async (qd) => {
    for (;;) await os.push(qd, Buffer.alloc(30_000), { timeout: PATIENCE_MS });
  };
  const codeOf = (promise) => promise.catch((error) => error.code);
  const running = qds.flatMap((qd) => [codeOf(pop(qd)), codeOf(push(qd))]);
  while (got < BYTES_BEFORE) await pause(1);
  const killer = library === undefined ? undefined : spawn(FREEZE, [String(process.pid), library], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (killer === undefined) echo.kill('SIGKILL');
  const [status] = killer === undefined ? [0] : await once(killer, 'close');
  if (status !== 0) throw new Error(`freeze has ended by ${status}`);
  const ends = await Promise.all(running);
  for (const qd of qds) {
    os.setsockopt(qd, SOL_SOCKET, SO_LINGER, { enabled: true, seconds: 0 });
    await os.close(qd);
  }
  return [...new Set(ends)];
}

async function main() {
  const os = createLibOS(config);
  const outcome = { rounds: 0 };
  while (outcome.rounds < rounds) {
    outcome.ends = await round(os);
    ++outcome.rounds;
  }
  // The resets ask for their next hop as long as any frame does.
  while (os.stats().buffers > 0) await pause(20);
  const { sgArrays, tokensPending, queues } = os.stats();
  process.stdout.write(`${JSON.stringify({ ...outcome, sgArrays, tokensPending, queues })}\n`);
  await os.stop();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
