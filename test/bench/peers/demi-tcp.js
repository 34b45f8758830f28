'use strict';

// demi-io itself in the network benchmarks: over the kernel's sockets, or over our own TCP/IP on an interface.
//
//   node demi-tcp.js server echo|sink [api=await|wait] [interface=NAME]
//   node demi-tcp.js client rtt|connect|bulk port=N ms=N warm=N [api=await|wait] [bytes=64] [connections=1] [addresses=1] [interface=NAME]

const { AF_INET, createLibOS, DemiError, SOCK_STREAM } = require('../../..');
const { Load, addressOf, endWithParent, readArguments, say } = require('../support/load');

const [role, workload] = process.argv.slice(2);
const options = readArguments(process.argv.slice(4));
const { api = 'await', port, bytes = 64, connections = 1, addresses = 1, poll = 'adaptive' } = options;
const SERVER = '10.77.0.1';
const CLIENT = '10.77.0.2';
const device = options.interface === undefined ? undefined : { interface: options.interface };
const own = { libos: 'catpowder', device, inet: { addresses: [`${role === 'server' ? SERVER : CLIENT}/24`] }, poll };
const os = createLibOS(device === undefined ? { libos: 'catnap', poll } : own);
const payload = new Uint8Array(bytes);

function listen() {
  const listener = os.socket(AF_INET, SOCK_STREAM, 0);
  os.bind(listener, { address: '0.0.0.0', port: 0 });
  os.listen(listener, 4096);
  say({ port: os.getsockname(listener).port });
  return listener;
}

// --- servers ---

async function serve(qd, echoes) {
  try {
    for (;;) {
      const { sga } = await os.pop(qd);
      if (sga.byteLength === 0) break;
      if (echoes) os.push(qd, sga);
      else sga.free();
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
      os.close(result.qd);
    }
  }
}

// --- clients ---

async function connected(n) {
  const qd = os.socket(AF_INET, SOCK_STREAM, 0);
  await os.connect(qd, { address: device === undefined ? addressOf(n, addresses) : SERVER, port });
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
