'use strict';

// WebSockets by the package `ws` in the network benchmarks, without compression: what many use Node for. Both ends are of it.
//
//   node node-ws.js server echo
//   node node-ws.js client rate port=N ms=N warm=N [bytes=64] [connections=1] [outstanding=1] [addresses=1]

const { WebSocket, WebSocketServer } = require('ws');

const { Load, addressOf, begin, say } = require('../support/load');

const [role] = process.argv.slice(2);
const options = begin(process.argv.slice(4));
const { port, bytes = 64, connections = 1, outstanding = 1, addresses = 1 } = options;
const payload = Buffer.alloc(bytes);

function serve() {
  const server = new WebSocketServer({ port: 0, host: '0.0.0.0', backlog: 4096, perMessageDeflate: false }, () => say({ port: server.address().port }));
  server.on('connection', (socket) => {
    socket.on('message', (message) => socket.send(message));
    socket.on('error', () => socket.terminate());
  });
}

const connected = (n) =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://${addressOf(n, addresses)}:${port}`, { perMessageDeflate: false });
    socket.on('open', () => resolve(socket)).on('error', reject);
  });

/** Keeps so many messages on their way on each connection. */
async function rate() {
  const sockets = [];
  // Not all at once: a server has a backlog.
  while (sockets.length < connections) {
    const some = Math.min(256, connections - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: some }, (_, i) => connected(sockets.length + i)))));
  }
  const load = new Load(options);
  for (const socket of sockets) {
    const began = [];
    const send = () => {
      began.push(performance.now());
      socket.send(payload);
    };
    socket.on('message', () => {
      load.record(began.shift(), bytes);
      if (load.goes) return send();
      for (const one of sockets) one.removeAllListeners('message');
      load.report();
    });
    for (let i = 0; i < outstanding; ++i) send();
  }
}

if (role === 'server') serve();
else rate();
