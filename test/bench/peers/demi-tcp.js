'use strict';

// demi-io itself in the network benchmarks, over the libOS that its configuration names.
//
//   node demi-tcp.js server echo|sink [api=await|wait] [config=JSON] [port=N] [share=1] [garbage=1]
//   node demi-tcp.js client rtt|connect|bulk port=N ms=N warm=N [api=await|wait] [bytes=64] [connections=1] [config=JSON]
//                           [to=ADDRESS,...] [from=ADDRESS,...] [pause=MS] [garbage=1]
//
// Without a configuration it is catnap. The client's connections take the addresses in turns, of the server and of their own; it pauses between round
// trips if it is to. A server may share its port with others (SO_REUSEPORT).

const { setTimeout: pauseFor } = require('node:timers/promises');

const { AF_INET, createLibOS, DemiError, SO_REUSEPORT, SOCK_STREAM, SOL_SOCKET } = require('../../..');
const { Load, begin, endWithParent, say } = require('../support/load');

const [role, workload] = process.argv.slice(2);
const options = begin(process.argv.slice(4));
const { api = 'await', port = 0, bytes = 64, connections = 1, pause = 0, config = '{"libos":"catnap"}', to = '127.0.0.1', from } = options;
const addresses = to.split(',');
const sources = from?.split(',');
const os = createLibOS(JSON.parse(config));
const payload = new Uint8Array(bytes);

function listen() {
  const listener = os.socket(AF_INET, SOCK_STREAM, 0);
  if (options.share) os.setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, true);
  os.bind(listener, { address: '0.0.0.0', port });
  os.listen(listener, 4096);
  say({ port: os.getsockname(listener).port });
  return listener;
}

// --- servers ---

async function serve(qd, echoes) {
  try {
    for (;;) {
      const { sga } = await os.pop(qd);
      const isEnd = sga.byteLength === 0;
      if (echoes && !isEnd) os.push(qd, sga);
      else sga.free();
      if (isEnd) break;
    }
  } catch (error) {
    if (!(error instanceof DemiError)) throw error;
  }
  os.close(qd);
}

async function awaitingServer(echoes) {
  const listener = listen();
  for (;;) {
    const { newQd } = await os.accept(listener);
    void serve(newQd, echoes);
  }
}

function waitingServer(echoes) {
  const listener = listen();
  const set = os.waitSet().add(os.accept(listener));
  for (;;) {
    let result;
    try {
      result = set.wait(1000);
    } catch (error) {
      if (error.code !== 'ETIMEDOUT') throw error;
      endWithParent();
      continue;
    }
    if (result.opcode === 'accept') {
      set.add(os.pop(result.newQd)).add(os.accept(listener));
    } else if (result.opcode === 'pop' && result.sga.byteLength > 0) {
      if (echoes) os.push(result.qd, result.sga);
      else result.sga.free();
      set.add(os.pop(result.qd));
    } else {
      if (result.opcode === 'pop') result.sga.free();
      os.close(result.qd);
    }
  }
}

// --- clients ---

async function connected(n) {
  const qd = os.socket(AF_INET, SOCK_STREAM, 0);
  if (sources !== undefined) os.bind(qd, { address: sources[n % sources.length], port: 0 });
  await os.connect(qd, { address: addresses[n % addresses.length], port });
  return qd;
}

/** Pops until the whole message is there. */
async function popMessage(qd) {
  for (let missing = bytes; missing > 0; ) {
    const { sga } = await os.pop(qd);
    missing -= sga.byteLength;
    sga.free();
  }
}

function waitForMessage(qd) {
  for (let missing = bytes; missing > 0; ) {
    const { sga } = os.wait(os.pop(qd));
    missing -= sga.byteLength;
    sga.free();
  }
}

async function pingPong(load) {
  const qd = await connected(0);
  while (load.goes) {
    const began = performance.now();
    os.push(qd, payload);
    if (api === 'wait') waitForMessage(qd);
    else await popMessage(qd);
    load.record(began, bytes);
    if (pause > 0) await pauseFor(pause);
  }
}

async function shortConnections(load, first) {
  for (let n = first; load.goes; n += connections) {
    const began = performance.now();
    const qd = await connected(n);
    os.push(qd, payload);
    await popMessage(qd);
    os.close(qd);
    load.record(began, bytes);
  }
}

async function bulk(load, n) {
  const qd = await connected(n);
  while (load.goes) {
    const began = performance.now();
    await os.push(qd, payload);
    load.record(began, bytes);
  }
}

async function main() {
  if (role === 'server') {
    if (api === 'wait') waitingServer(workload === 'echo');
    else await awaitingServer(workload === 'echo');
    return;
  }
  const load = new Load(options);
  const run = { rtt: pingPong, connect: shortConnections, bulk }[workload];
  await Promise.all(Array.from({ length: connections }, (_, n) => run(load, n)));
  load.report();
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
