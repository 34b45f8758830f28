'use strict';

// A program on catnip that echoes what it hears, as a process of its own or as a worker: for tests of what happens to the other end.
//
//   node dpdk-echo.js CONFIG [PORT]       CONFIG is the JSON of a configuration; as a worker, workerData is { config, port }
//
// It says `ready` when it listens.

const { isMainThread, parentPort, workerData } = require('node:worker_threads');

const { AF_INET, SOCK_STREAM, createLibOS } = require('../..');

const { config, port } = isMainThread ? { config: JSON.parse(process.argv[2]), port: Number(process.argv[3] ?? 7) } : workerData;

async function echo(os, qd) {
  for await (const sga of os.pops(qd)) await os.push(qd, sga);
  await os.close(qd);
}

const os = createLibOS(config);
const listener = os.socket(AF_INET, SOCK_STREAM, 0);
os.bind(listener, { address: config.inet.addresses[0].split('/')[0], port });
os.listen(listener, 16);
if (isMainThread) process.send?.('ready');
else parentPort.postMessage('ready');
(async () => {
  // A client that resets is no reason to end.
  for await (const { newQd } of os.accepts(listener)) echo(os, newQd).catch(() => {});
})();
