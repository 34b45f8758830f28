// Workers share a port of DPDK: each has a queue of it, listens, and gets the connections that the hash of their addresses gives it.

import { once } from 'node:events';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

import { AF_INET, SOCK_STREAM, createLibOS, type LibOS } from 'demi-io';

const QUEUES = 2;
const CONNECTIONS = 16;
const ADDRESSES = { server: '10.77.0.1', client: '10.77.0.2' };

type Role = keyof typeof ADDRESSES;

/** One queue at one end of a cable within this process. With a card, `eal` names it (`-a 0000:01:00.0`) and `port` is '0'. */
function open(role: Role, queue: number): LibOS {
  return createLibOS({
    libos: 'catnip',
    dpdk: { eal: ['--no-huge', '--no-pci'], port: `ring:workers/${role === 'server' ? 1 : 0}`, queues: QUEUES, queue },
    inet: { addresses: [`${ADDRESSES[role]}/24`] },
  });
}

async function serve(os: LibOS): Promise<string> {
  const listener = os.socket(AF_INET, SOCK_STREAM, 0);
  // Every worker listens at the same address.
  os.bind(listener, `${ADDRESSES.server}:7`);
  os.listen(listener, 64);
  parentPort!.postMessage('listening');
  let served = 0;
  const echo = async (qd: number): Promise<void> => {
    for await (const sga of os.pops(qd)) await os.push(qd, sga);
    await os.close(qd);
    if (++served === CONNECTIONS) await os.close(listener);
  };
  try {
    for await (const { newQd } of os.accepts(listener)) void echo(newQd);
  } catch {
    // The listener was closed.
  }
  return `served ${served} connections`;
}

async function talk(os: LibOS): Promise<void> {
  const qd = os.socket(AF_INET, SOCK_STREAM, 0);
  // Its local port is one whose answers come to this queue.
  await os.connect(qd, `${ADDRESSES.server}:7`);
  for (let i = 0; i < 200; ++i) {
    os.push(qd, 'demi');
    (await os.pop(qd)).sga.free();
  }
  await os.close(qd);
}

async function ask(os: LibOS): Promise<string> {
  await Promise.all(Array.from({ length: CONNECTIONS }, () => talk(os)));
  return `had ${CONNECTIONS} connections`;
}

async function work(role: Role, queue: number): Promise<void> {
  await using os = open(role, queue);
  parentPort!.postMessage(`${role} on queue ${os.rss.queue} of ${os.rss.queues} ${await (role === 'server' ? serve(os) : ask(os))}`);
}

async function main(): Promise<void> {
  const start = (role: Role): Worker[] => Array.from({ length: QUEUES }, (_, queue) => new Worker(__filename, { workerData: [role, queue] }));
  const heard = (workers: Worker[]): Promise<string[][]> => Promise.all(workers.map((worker) => once(worker, 'message') as Promise<string[]>));
  const servers = start('server');
  await heard(servers);
  const reports = await Promise.all([heard(servers), heard(start('client'))]);
  console.log(reports.flat(2).join('\n'));
}

if (isMainThread) void main();
else void work(...(workerData as [Role, number]));
