'use strict';

// What our TCP/IP and the kernel's say to each other over an interface: for programs of tests in a network namespace of their own, which have made it.

const { createHash } = require('node:crypto');
const dgram = require('node:dgram');
const { execFileSync } = require('node:child_process');
const net = require('node:net');

const { AF_INET, SHUT_WR, SOCK_DGRAM, SOCK_STREAM } = require('../..');

const data = Buffer.alloc(3 * 1024 * 1024);
for (let i = 0; i < data.length; i += 4) data.writeUInt32LE((i * 2654435761) >>> 0, i);

const hash = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** The command, with its arguments in one text. */
const ip = (text) => execFileSync('ip', text.split(' '));

async function readAll(os, qd) {
  const parts = [];
  for await (const sga of os.pops(qd)) parts.push(sga.toBuffer());
  return Buffer.concat(parts);
}

function listen(os, address) {
  const listener = os.socket(AF_INET, SOCK_STREAM);
  os.bind(listener, address);
  os.listen(listener, 16);
  return listener;
}

/** Takes everything, and gives it back. */
async function echo(os, listener) {
  const { newQd } = await os.accept(listener);
  const all = await readAll(os, newQd);
  await os.push(newQd, all);
  await os.close(newQd);
}

const ofSocket = (socket) =>
  new Promise((resolve, reject) => {
    const parts = [];
    socket.on('data', (part) => parts.push(part)).on('end', () => resolve(Buffer.concat(parts))).on('error', reject);
  });

/** The kernel's TCP opens, then ours; datagrams both ways; a port where nobody listens. Says what came of each. */
async function withKernel(os, ours, kernels) {
  const outcome = {};
  const serving = echo(os, listen(os, ours + ':7'));
  const socket = net.connect(7, ours);
  socket.end(data);
  outcome.kernelOpens = hash(await ofSocket(socket)) === hash(data);
  await serving;

  const server = net.createServer({ allowHalfOpen: true }, (peer) => {
    peer.pipe(peer);
  });
  await new Promise((resolve) => server.listen(0, kernels, resolve));
  const client = os.socket(AF_INET, SOCK_STREAM);
  await os.connect(client, { address: kernels, port: server.address().port });
  os.push(client, data).then(() => os.shutdown(client, SHUT_WR));
  outcome.weOpen = hash(await readAll(os, client)) === hash(data);
  await os.close(client);
  server.close();

  const udp = dgram.createSocket('udp4');
  await new Promise((resolve) => udp.bind(0, kernels, resolve));
  udp.on('message', (message, from) => udp.send(message, from.port, from.address));
  const asking = os.socket(AF_INET, SOCK_DGRAM);
  await os.pushto(asking, 'x'.repeat(1400), { address: kernels, port: udp.address().port });
  const { sga, from } = await os.pop(asking, { timeout: 5000 });
  outcome.datagram = sga.byteLength === 1400 && from.address === kernels;
  sga.free();
  udp.close();

  const refused = await os.connect(os.socket(AF_INET, SOCK_STREAM), { address: kernels, port: 1 }).then(
    () => 'connected',
    (error) => error.code,
  );
  const refusedThere = await new Promise((resolve) =>
    net
      .connect(1, ours)
      .on('error', (error) => resolve(error.code))
      .on('connect', () => resolve('connected')),
  );
  outcome.refused = [refused, refusedThere];
  return outcome;
}

/** When everything went well. */
const WELL = { kernelOpens: true, weOpen: true, datagram: true, refused: ['ECONNREFUSED', 'ECONNREFUSED'] };

module.exports = { WELL, data, echo, hash, ip, listen, ofSocket, readAll, withKernel };
