'use strict';

// Workers that share a TAP interface of DPDK, each with a queue of it, and the kernel as their peer: run as root in a network namespace of its own.
//
//   node dpdk-workers.js PORTS      PORTS: how many connections the kernel opens in each round
//
// It prints what came of each round, as JSON: with both workers, after the second was terminated, and after that was started again.

const { execSync } = require('node:child_process');
const dgram = require('node:dgram');
const { once } = require('node:events');
const net = require('node:net');
const { join } = require('node:path');
const { Worker } = require('node:worker_threads');

const QUEUES = 2;
const [KERNEL, OURS] = ['10.78.0.1', '10.78.0.2'];
const [TCP_PORT, UDP_PORT] = [7, 5000];
const rounds = Number(process.argv[2]);

const configOf = (queue) => ({
  libos: 'catnip',
  dpdk: { eal: ['--no-huge', '--no-pci', '-m', '512', '--vdev=net_tap0,iface=demi0'], port: 'net_tap0', queues: QUEUES, queue },
  inet: { addresses: [`${OURS}/24`], mac: '02:00:00:00:00:07', tcp: { rtoInitialMs: 50, rtoMinMs: 5 } },
});

async function start(queue) {
  const worker = new Worker(join(__dirname, 'dpdk-echo.js'), { workerData: { config: configOf(queue), port: TCP_PORT, datagramPort: UDP_PORT + queue } });
  await once(worker, 'message');
  return worker;
}

async function report(worker) {
  worker.postMessage('report');
  return (await once(worker, 'message'))[0];
}

/** One connection of the kernel; what it sends comes back. */
async function talk(number) {
  const sent = Buffer.alloc(3000, `connection ${number} `);
  const socket = net.connect(TCP_PORT, OURS);
  await once(socket, 'connect');
  socket.end(sent);
  const parts = [];
  for await (const part of socket) parts.push(part);
  return Buffer.concat(parts).equals(sent);
}

/** A datagram of the kernel to the UDP port of a worker; whether it comes back. */
async function ask(queue) {
  const socket = dgram.createSocket('udp4');
  try {
    for (let tried = 0; tried < 3; ++tried) {
      socket.send('are you there?', UDP_PORT + queue, OURS);
      const answer = await Promise.race([once(socket, 'message'), new Promise((resolve) => setTimeout(resolve, 500))]);
      if (answer !== undefined) return true;
    }
    return false;
  } finally {
    socket.close();
  }
}

async function round(workers) {
  const before = await Promise.all(workers.map(report));
  const talked = await Promise.all(Array.from({ length: rounds }, (_, i) => talk(i)));
  const asked = [];
  for (const worker of workers) {
    for (let i = 0; i < 10; ++i) asked.push(await ask(worker.queue));
  }
  const after = await Promise.all(workers.map(report));
  return {
    echoed: talked.filter(Boolean).length,
    answered: asked.filter(Boolean).length,
    asked: asked.length,
    served: after.map(({ served }, i) => served - before[i].served),
    handedOver: after.reduce((sum, { device }) => sum + device.handedOver, 0),
    notHandedOver: after.reduce((sum, { device }) => sum + device.notHandedOver, 0),
  };
}

async function main() {
  const add = async (queue) => Object.assign(await start(queue), { queue });
  const first = await add(0);
  execSync(`ip link set lo up; ip addr add ${KERNEL}/24 dev demi0; ip link set demi0 up`);
  let second = await add(1);
  const results = { both: await round([first, second]) };
  await second.terminate();
  results.one = await round([first]);
  second = await add(1);
  results.again = await round([first, second]);
  process.stdout.write(`${JSON.stringify(results)}\n`);
  await Promise.all([first.terminate(), second.terminate()]);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
