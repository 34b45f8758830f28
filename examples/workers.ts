// A libOS in every worker thread: they share nothing and do not wait for each other.

import { once } from 'node:events';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { AF_INET, SOCK_STREAM, demi_fini, demi_init } from 'demi-io';

const WORKERS = 3;
const ROUNDS = 10_000;

interface Report {
  worker: number;
  rounds: number;
  milliseconds: number;
}

async function work(worker: number): Promise<Report> {
  const os = demi_init();
  const listener = os.socket(AF_INET, SOCK_STREAM, 0);
  os.bind(listener, '127.0.0.1:0');
  os.listen(listener, 1);
  const client = os.socket(AF_INET, SOCK_STREAM, 0);
  const accepted = os.accept(listener);
  await os.connect(client, os.getsockname(listener));
  const { newQd: server } = await accepted;

  const begin = os.now();
  let rounds = 0;
  for (; rounds < ROUNDS; rounds++) {
    os.push(client, 'ping');
    os.push(server, (await os.pop(server)).sga);
    (await os.pop(client)).sga.free();
  }
  const milliseconds = os.now() - begin;
  await Promise.all([os.close(client), os.close(server), os.close(listener)]);
  await demi_fini();
  return { worker, rounds, milliseconds };
}

async function main(): Promise<void> {
  const reports = await Promise.all(
    Array.from({ length: WORKERS }, async (_, worker) => {
      const thread = new Worker(__filename, { workerData: worker });
      const [report] = (await once(thread, 'message')) as [Report];
      return report;
    }),
  );
  for (const { worker, rounds, milliseconds } of reports) {
    console.log(`worker ${worker}: ${rounds} round trips in ${milliseconds.toFixed(0)} ms`);
  }
  console.log(`${reports.length} workers are done`);
}

if (isMainThread) void main();
else void work(workerData as number).then((report) => parentPort?.postMessage(report));
