'use strict';

// demi-io with connections that are open and idle: one end of them, or both in one process, each end a libOS of its own. It does what holder.js asks for.
//
//   node --expose-gc demi-open.js server|client|both config=JSON to=ADDRESS,... [client=JSON] [from=ADDRESS,...]
//
// `config` is of the server, and of the client where that is alone; `client` is of the other end where both are here. The client's sockets are bound to the
// addresses of `from` in turns, if there are such.

const { AF_INET, createLibOS, DemiError, SOCK_STREAM } = require('../../..');
const { answer } = require('../support/held');
const { readArguments } = require('../support/load');

const MESSAGE_BYTES = 64;
// Connections that are being opened at the same time.
const OPENING = 128;
const MEBIBYTE = 1024 * 1024;
// A million connections, the listeners, and what is open besides.
const LIMITS = { queues: 2 ** 20, tokens: 2 ** 21, connections: 2 ** 20, bufferBytes: 512 * MEBIBYTE };
// An ephemeral port serves one connection between the same two addresses and the same port of the server.
const PORTS = 4;

const [role] = process.argv.slice(2);
const { config, client, to, from } = readArguments(process.argv.slice(3));
const addresses = to.split(',');
const sources = from?.split(',');

/** A libOS, and the descriptors of its connections, in memory that is there from the beginning. */
function makeEnd(text) {
  const os = createLibOS({ ...JSON.parse(text), limits: LIMITS });
  return { os, qds: new Float64Array(LIMITS.connections).fill(NaN), count: 0, popped: 0 };
}

const server = role === 'client' ? undefined : makeEnd(config);
const connecting = role === 'server' ? undefined : makeEnd(role === 'both' ? client : config);
const payload = new Uint8Array(MESSAGE_BYTES);
let ports;
let connected = 0;
let allServed;

function keep(end, qd) {
  end.qds[end.count++] = qd;
}

/** Pops until a message of the size is there, and gives what it came in to `use`. */
async function popMessage(os, qd, use) {
  for (let missing = MESSAGE_BYTES; missing > 0; ) {
    const { sga } = await os.pop(qd);
    if (sga.byteLength === 0) throw new Error('the peer has closed');
    missing -= sga.byteLength;
    use(sga);
  }
}

// --- the server ---

async function echoOnce(os, qd) {
  await popMessage(os, qd, (sga) => os.push(qd, sga));
  keep(server, qd);
  if (server.count === allServed?.count) allServed.resolve();
}

async function acceptAll(os, listener) {
  for (;;) {
    const { newQd } = await os.accept(listener);
    void echoOnce(os, newQd);
  }
}

function listen() {
  const { os } = server;
  return Array.from({ length: PORTS }, () => {
    const listener = os.socket(AF_INET, SOCK_STREAM, 0);
    os.bind(listener, { address: '0.0.0.0', port: 0 });
    os.listen(listener, 4096);
    void acceptAll(os, listener);
    return os.getsockname(listener).port;
  });
}

/** When there are so many connections more. */
function serve(more) {
  const count = (allServed?.count ?? 0) + more;
  return new Promise((resolve) => {
    allServed = { count, resolve };
    if (server.count === count) resolve();
  });
}

// --- the client ---

async function openOne(os) {
  const n = connected++;
  const qd = os.socket(AF_INET, SOCK_STREAM, 0);
  if (sources !== undefined) os.bind(qd, { address: sources[n % sources.length], port: 0 });
  await os.connect(qd, { address: addresses[n % addresses.length], port: ports[Math.floor(n / addresses.length) % ports.length] });
  os.push(qd, payload);
  await popMessage(os, qd, (sga) => sga.free());
  keep(connecting, qd);
}

async function connect(count) {
  let left = count;
  const opener = async () => {
    while (left-- > 0) await openOne(connecting.os);
  };
  await Promise.all(Array.from({ length: Math.min(OPENING, count) }, opener));
}

// --- pops that stay pending ---

async function awaitPop(os, qd) {
  try {
    const { sga } = await os.pop(qd);
    sga.free();
  } catch (error) {
    if (!(error instanceof DemiError)) throw error;
  }
  os.close(qd);
}

/** Starts a pop on each connection that has none: awaited by an async function of its own, or by nobody. */
function popAll({ awaited }) {
  for (const end of [server, connecting]) {
    if (end === undefined) continue;
    for (; end.popped < end.count; ++end.popped) {
      const qd = end.qds[end.popped];
      if (awaited) void awaitPop(end.os, qd);
      else end.os.pop(qd);
    }
  }
}

answer({
  listen,
  reach(values) {
    ({ ports } = values);
  },
  open: ({ count }) => Promise.all([server && serve(count), connecting && connect(count)]).then(() => {}),
  pop: popAll,
  buffers: () => [server, connecting].filter(Boolean).map(({ os }) => os.stats().buffers),
});
