'use strict';

// Node's own `net` in the network benchmarks, as it comes, or with its loop kept awake by setImmediate (spin=1).
//
//   node node-net.js server echo|sink [spin=1] [garbage=1]
//   node node-net.js client rtt|connect|bulk port=N ms=N warm=N [spin=1] [bytes=64] [connections=1] [addresses=1] [pause=MS] [garbage=1]

const net = require('node:net');

const { Load, addressOf, begin, say } = require('../support/load');

const [role, workload] = process.argv.slice(2);
const options = begin(process.argv.slice(4));
const { spin, port, bytes = 64, pause = 0, connections = 1, addresses = 1 } = options;
const payload = Buffer.alloc(bytes);

function keepAwake() {
  setImmediate(keepAwake);
}

function serve(echoes) {
  const server = net.createServer((socket) => {
    socket.on('data', echoes ? (data) => socket.write(data) : () => {});
    socket.on('error', () => socket.destroy());
  });
  server.listen({ port: 0, host: '0.0.0.0', backlog: 4096 }, () => say({ port: server.address().port }));
}

const connectTo = (n, connected) => net.connect({ port, host: addressOf(n, addresses) }, connected);

/** Calls back whenever a whole message has come. */
function onMessage(socket, handle) {
  let missing = bytes;
  socket.on('data', (data) => {
    missing -= data.length;
    if (missing > 0) return;
    missing = bytes;
    handle();
  });
}

function pingPong(load, n, ended) {
  let began;
  const send = () => {
    began = performance.now();
    socket.write(payload);
  };
  const socket = connectTo(n, send);
  onMessage(socket, () => {
    load.record(began, bytes);
    if (!load.goes) ended();
    else if (pause > 0) setTimeout(send, pause);
    else send();
  });
}

function shortConnections(load, n, ended) {
  const began = performance.now();
  const socket = connectTo(n, () => socket.write(payload));
  onMessage(socket, () => {
    socket.end();
    load.record(began, bytes);
    if (load.goes) shortConnections(load, n + connections, ended);
    else ended();
  });
}

function bulk(load, n, ended) {
  const send = () => {
    for (;;) {
      const began = performance.now();
      const hasRoom = socket.write(payload, () => load.record(began, bytes));
      if (!load.goes) return ended();
      if (!hasRoom) return void socket.once('drain', send);
    }
  };
  const socket = connectTo(n, send);
}

if (spin) keepAwake();
if (role === 'server') {
  serve(workload === 'echo');
} else {
  const load = new Load(options);
  const run = { rtt: pingPong, connect: shortConnections, bulk }[workload];
  let running = connections;
  for (let n = 0; n < connections; ++n) run(load, n, () => --running === 0 && load.report());
}
