'use strict';

// Node's `cluster` in the network benchmarks: so many processes, each the server of node-net.js, on one port.
//
//   node node-cluster.js server echo|sink workers=N

const cluster = require('node:cluster');
const path = require('node:path');

const { readArguments, say } = require('../support/load');

const [role, workload, ...rest] = process.argv.slice(2);
const { workers } = readArguments(rest);

// What the workers say of themselves is not heard: the port is said here, when all of them listen.
cluster.setupPrimary({ exec: path.join(__dirname, 'node-net.js'), args: [role, workload], silent: true });
let listening = 0;
cluster.on('listening', (worker, { port }) => {
  if (++listening === workers) say({ port });
});
cluster.on('exit', () => process.exit(1));
for (let n = 0; n < workers; ++n) cluster.fork();
