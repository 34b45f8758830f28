// A TCP echo server that takes several clients at once. `npm run example echo 127.0.0.1:7777` goes on serving, for nc.

import { AF_INET, SHUT_WR, SOCK_STREAM, demi_init, type Endpoint, type LibOS } from 'demi-io';

const CLIENTS = 3;

async function echo(os: LibOS, qd: number): Promise<void> {
  // The push takes the received memory as it is: nothing is copied, and nothing is left to be freed.
  for await (const sga of os.pops(qd)) await os.push(qd, sga);
  await os.close(qd);
}

/** Serves so many clients; one that goes away in the middle is no reason to end. */
async function serve(os: LibOS, listener: number, clients: number): Promise<void> {
  const connections = new Set<Promise<void>>();
  let served = 0;
  for await (const { newQd } of os.accepts(listener)) {
    const connection = echo(os, newQd).catch(() => os.close(newQd).then(() => {}));
    connections.add(connection);
    void connection.finally(() => connections.delete(connection));
    if (++served === clients) break;
  }
  await Promise.all(connections);
  await os.close(listener);
}

async function ask(os: LibOS, server: Endpoint, text: string): Promise<void> {
  const qd = os.socket(AF_INET, SOCK_STREAM, 0);
  await os.connect(qd, server);
  os.push(qd, text);
  os.shutdown(qd, SHUT_WR);
  let answer = '';
  for await (const sga of os.pops(qd)) answer += sga.toBuffer().toString();
  console.log(`sent '${text}', got '${answer}'`);
  await os.close(qd);
}

async function main(): Promise<void> {
  const address = process.argv[2];
  // DEMI_LIBOS or DEMI_CONFIG says which libOS moves the bytes; the program stays the same.
  await using os = demi_init();
  const listener = os.socket(AF_INET, SOCK_STREAM, 0);
  os.bind(listener, address ?? '127.0.0.1:0');
  os.listen(listener, 16);
  const server = os.getsockname(listener);
  if (address === undefined) {
    const clients = Array.from({ length: CLIENTS }, (_, i) => ask(os, server, `hello ${i + 1}`));
    await Promise.all([serve(os, listener, CLIENTS), ...clients]);
    console.log(`${CLIENTS} clients served on ${os.info().libos}`);
  } else {
    serve(os, listener, Infinity).catch(() => {});
    console.log(`echo at ${server.address}:${server.port} on ${os.info().libos}; Ctrl-C ends it`);
    await new Promise((resolve) => process.once('SIGINT', resolve));
  }
}

void main();
