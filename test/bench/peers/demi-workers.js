'use strict';

// demi-io with several workers in the network benchmarks: so many threads, each the server of demi-tcp.js with a libOS of its own, on one port.
//
//   node demi-workers.js server echo|sink workers=N [api=await|wait] [config=JSON] [share=1]
//
// The configuration may be an array, which has one for each worker.

const path = require('node:path');
const readline = require('node:readline');
const { Worker } = require('node:worker_threads');

const { readArguments, say } = require('../support/load');

const [role, workload, ...rest] = process.argv.slice(2);
const { workers, config = '{"libos":"catnap"}' } = readArguments(rest);
const shared = rest.filter((argument) => !/^(workers|config|port)=/.test(argument));
const configs = [].concat(JSON.parse(config));

/** Starts the n-th worker; gives the port that it listens on. */
async function start(n, port) {
  const argv = [role, workload, ...shared, `config=${JSON.stringify(configs[n % configs.length])}`, `port=${port}`];
  const worker = new Worker(path.join(__dirname, 'demi-tcp.js'), { argv, stdout: true });
  const ended = (code) => process.exit(code || 1);
  worker.on('exit', ended);
  for await (const line of readline.createInterface({ input: worker.stdout })) return JSON.parse(line).port;
  return undefined;
}

async function main() {
  // The first one takes any port, and the others the same.
  const port = await start(0, 0);
  for (let n = 1; n < workers; ++n) await start(n, port);
  say({ port });
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
