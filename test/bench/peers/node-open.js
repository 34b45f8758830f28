'use strict';

// Node's own `net` with connections that are open and idle: one end of them, or both in one process. It does what holder.js asks for.
//
//   node --expose-gc node-open.js server|client|both to=ADDRESS,...

const net = require('node:net');

const { answer } = require('../support/held');
const { readArguments } = require('../support/load');

const MESSAGE_BYTES = 64;
const OPENING = 128;
const PORTS = 4;

const [role] = process.argv.slice(2);
const { to } = readArguments(process.argv.slice(3));
const addresses = to.split(',');
const payload = Buffer.alloc(MESSAGE_BYTES);
let ports;
let connected = 0;
let served = 0;
let allServed;

// As lean as a server can be: listeners that all connections share, and nothing remembered of a connection.
function echo(data) {
  this.write(data);
}

function endOnError() {
  this.destroy();
}

function serveOne(socket) {
  socket.on('data', echo);
  socket.on('error', endOnError);
  if (++served === allServed?.count) allServed.resolve();
}

function listenOnce() {
  return new Promise((resolve) => {
    const server = net.createServer(serveOne);
    server.listen({ port: 0, host: '0.0.0.0', backlog: 4096 }, () => resolve(server.address().port));
  });
}

function serve(more) {
  const count = (allServed?.count ?? 0) + more;
  return new Promise((resolve) => {
    allServed = { count, resolve };
    if (served === count) resolve();
  });
}

function ignore() {}

/** Connects, and gives the message a way there and back; afterwards the socket has listeners that all share. */
function openOne() {
  const n = connected++;
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: addresses[n % addresses.length], port: ports[Math.floor(n / addresses.length) % ports.length] });
    let missing = MESSAGE_BYTES;
    const take = (data) => {
      missing -= data.length;
      if (missing > 0) return;
      socket.on('data', ignore);
      socket.on('error', endOnError);
      socket.off('data', take);
      socket.off('error', reject);
      resolve();
    };
    socket.on('data', take);
    socket.on('error', reject);
    socket.write(payload);
  });
}

async function connect(count) {
  let left = count;
  const opener = async () => {
    while (left-- > 0) await openOne();
  };
  await Promise.all(Array.from({ length: Math.min(OPENING, count) }, opener));
}

answer({
  listen: () => Promise.all(Array.from({ length: PORTS }, listenOnce)),
  reach(values) {
    ({ ports } = values);
  },
  open: ({ count }) => Promise.all([role !== 'client' && serve(count), role !== 'server' && connect(count)]).then(() => {}),
});
