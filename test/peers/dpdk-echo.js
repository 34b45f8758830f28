'use strict';

// A program on catnip that echoes what it hears, as a process of its own or as a worker: for tests of what happens to the other end.
//
//   node dpdk-echo.js CONFIG [PORT]       CONFIG is the JSON of a configuration; as a worker, workerData is { config, port, datagramPort }
//
// It says `ready` when it listens, and answers a worker's message by how many connections it had and what its device has counted.

const { isMainThread, parentPort, workerData } = require('node:worker_threads');

const { AF_INET, SOCK_DGRAM, SOCK_STREAM, createLibOS } = require('../..');

const { config, port, datagramPort } = isMainThread ? { config: JSON.parse(process.argv[2]), port: Number(process.argv[3] ?? 7) } : workerData;

async function echo(os, qd) {
  for await (const sga of os.pops(qd)) await os.push(qd, sga);
  await os.close(qd);
}

async function echoDatagrams(os, address) {
  const qd = os.socket(AF_INET, SOCK_DGRAM, 0);
  os.bind(qd, { address, port: datagramPort });
  for await (const { sga, from } of os.datagrams(qd)) await os.pushto(qd, sga, from);
}

const os = createLibOS(config);
let served = 0;
const listener = os.socket(AF_INET, SOCK_STREAM, 0);
const [address] = config.inet.addresses[0].split('/');
os.bind(listener, { address, port });
os.listen(listener, 64);
if (datagramPort !== undefined) echoDatagrams(os, address);
parentPort?.on('message', () => parentPort.postMessage({ served, device: os.stats().network.device }));
if (isMainThread) process.send?.('ready');
else parentPort.postMessage('ready');
(async () => {
  // A client that resets is no reason to end.
  for await (const { newQd } of os.accepts(listener)) {
    ++served;
    echo(os, newQd).catch(() => {});
  }
})();
