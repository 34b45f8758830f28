'use strict';

// One side of a test between TCPs: the services below, and clients of them, over our stack or the kernel's. It is told what to do by lines of JSON
// on its standard input, and answers each by one; it ends with its input.
//
//   node peer.js demi device=tap:NAME|interface:NAME address=A/BITS [gateway=A] [congestion=cubic|newreno] [bytes=N]
//   node peer.js net [bytes=N]
//
//   port 7     gives back what comes          port 80     HTTP: says what was asked for
//   port 9     takes all, then tells of it    port 5201   passes on to port 5201 of the kernel at 127.0.0.1 (demi only)
//   port 19    gives `bytes` bytes
//
//   {"do":"give","host":A,"port":N,"bytes":N}   sends that many, then gives what the other side has said of it
//   {"do":"fetch","host":A,"port":N}            takes all
//   {"do":"relay","from":N,"host":A,"port":N}   from now on, what connects to port `from` of 127.0.0.1 is connected to `port` (demi only)
//   {"do":"offer","bytes":N}                    from now on, what port 19 gives
//   {"do":"stats"}                              the counters

const { createInterface } = require('node:readline');

const { readAll, writePattern } = require('./pattern');
const { KernelStack, OurStack } = require('./stacks');

const [kind, ...rest] = process.argv.slice(2);
const given = Object.fromEntries(rest.map((argument) => argument.split('=')));
let bytesGiven = Number(given.bytes ?? 0);

function ourStack() {
  const [deviceKind, name] = given.device.split(':');
  const { address, gateway, congestion } = given;
  const inet = { addresses: [address], ...(gateway ? { gateway } : {}), tcp: congestion ? { congestion } : {} };
  return new OurStack({ device: { [deviceKind]: name }, inet });
}

const stack = kind === 'demi' ? ourStack() : new KernelStack();
const kernel = new KernelStack();

// --- services ---

async function echo(connection) {
  // A part is good only until the next one.
  for await (const part of connection) await connection.write(Buffer.from(part));
  await connection.end();
}

async function take(connection) {
  await connection.write(`${JSON.stringify(await readAll(connection))}\n`);
  await connection.end();
}

async function give(connection) {
  await writePattern(bytesGiven, (block) => connection.write(block));
  await connection.end();
  await readAll(connection);
}

const HEAD_END = '\r\n\r\n';

async function http(connection) {
  let received = '';
  for await (const part of connection) {
    received += part.toString('latin1');
    for (let end = received.indexOf(HEAD_END); end >= 0; end = received.indexOf(HEAD_END)) {
      const head = received.slice(0, end);
      received = received.slice(end + HEAD_END.length);
      const body = `you asked for ${head.split(' ')[1]}\n`;
      const closes = /^connection: *close/im.test(head);
      await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${closes ? 'Connection: close\r\n' : ''}\r\n${body}`);
      if (closes) return;
    }
  }
}

async function pump(from, to) {
  for await (const part of from) await to.write(Buffer.from(part));
  await to.end();
}

/** Joins a connection to another one, which `open` makes. */
async function join(connection, open) {
  const other = await open();
  await Promise.all([pump(connection, other), pump(other, connection)]).finally(() => other.close());
}

// --- clients ---

const timed = async (work) => {
  const began = process.hrtime.bigint();
  const result = await work();
  return { ...result, ms: Number(process.hrtime.bigint() - began) / 1e6 };
};

const clients = {
  give: ({ host, port, bytes }) =>
    timed(async () => {
      const connection = await stack.connect(host, port);
      const sending = writePattern(bytes, (block) => connection.write(block)).then(async (sha256) => (await connection.end(), sha256));
      let said = '';
      for await (const part of connection) said += part.toString();
      const sha256 = await sending;
      await connection.close();
      return { bytes, sha256, said };
    }),
  fetch: ({ host, port }) =>
    timed(async () => {
      const connection = await stack.connect(host, port);
      const all = await readAll(connection);
      await connection.end();
      await connection.close();
      return all;
    }),
  relay: async ({ from, host, port }) => kernel.listen(from, (connection) => join(connection, () => stack.connect(host, port)), '127.0.0.1'),
  offer: async ({ bytes }) => void (bytesGiven = bytes),
  stats: async () => stack.stats(),
};

// --- the program ---

async function main() {
  await stack.listen(7, echo);
  await stack.listen(9, take);
  await stack.listen(19, give);
  await stack.listen(80, http);
  if (kind === 'demi') await stack.listen(5201, (connection) => join(connection, () => kernel.connect('127.0.0.1', 5201)));
  const say = (value) => process.stdout.write(`${JSON.stringify(value, (_, item) => (typeof item === 'bigint' ? Number(item) : item))}\n`);
  say('ready');
  for await (const line of createInterface({ input: process.stdin })) {
    const { do: name, ...parameters } = JSON.parse(line);
    clients[name](parameters).then(
      (result) => say({ result: result ?? null }),
      (error) => say({ error: `${error.code ?? ''} ${error.message}` }),
    );
  }
  await stack.stop();
  process.exit(0);
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
