// A minimal HTTP/1.1 server with keep-alive. `DEMI_LIBOS=catnap npm run example http 127.0.0.1:8080 [file]` goes on serving, for curl.

import { readFileSync } from 'node:fs';
import { AF_INET, SHUT_WR, SOCK_STREAM, SOL_SOCKET, SO_REUSEADDR, demi_init, type Endpoint, type LibOS } from 'demi-io';

const HEAD_BYTES_MAX = 16 * 1024;

function answerTo(head: string, file?: Buffer): { reply: Buffer[]; keepAlive: boolean } {
  const [[method, path, version], ...fields] = head.split('\r\n').map((line) => line.split(/:? /));
  const isKnown = method === 'GET' || method === 'HEAD';
  const asksToClose = fields.some(([name, value]) => name.toLowerCase() === 'connection' && value?.toLowerCase() === 'close');
  const keepAlive = isKnown && version === 'HTTP/1.1' && !asksToClose;
  const body = isKnown ? (file ?? Buffer.from(`you asked for ${path}\n`)) : Buffer.from(`${method} is not understood here\n`);
  const lines = [
    isKnown ? 'HTTP/1.1 200 OK' : 'HTTP/1.1 501 Not Implemented',
    `Content-Type: ${file === undefined ? 'text/plain' : 'application/octet-stream'}`,
    `Content-Length: ${body.length}`,
    `Connection: ${keepAlive ? 'keep-alive' : 'close'}`,
  ];
  const headers = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
  return { reply: method === 'HEAD' || body.length === 0 ? [headers] : [headers, body], keepAlive };
}

async function serve(os: LibOS, qd: number, file?: Buffer): Promise<void> {
  let received = '';
  let open = true;
  for await (const sga of os.pops(qd)) {
    // After the last answer the rest is only taken, so that closing loses no byte of that answer.
    if (open) received += sga.toBuffer().toString('latin1');
    for (let end = received.indexOf('\r\n\r\n'); open && end >= 0; end = received.indexOf('\r\n\r\n')) {
      const { reply, keepAlive } = answerTo(received.slice(0, end), file);
      received = received.slice(end + 4);
      for (const part of reply) await os.push(qd, part);
      open = keepAlive;
    }
    if (open && received.length < HEAD_BYTES_MAX) continue;
    open = false;
    os.shutdown(qd, SHUT_WR);
  }
}

async function serveAll(os: LibOS, listener: number, file?: Buffer): Promise<void> {
  for await (const { newQd } of os.accepts(listener)) {
    // A client that goes away in the middle is no reason to end.
    serve(os, newQd, file).finally(() => os.close(newQd)).catch(() => {});
  }
}

async function ask(os: LibOS, server: Endpoint): Promise<void> {
  const qd = os.socket(AF_INET, SOCK_STREAM, 0);
  await os.connect(qd, server);
  for (const path of ['/one', '/two']) os.push(qd, `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  os.push(qd, 'GET /last HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
  let replies = '';
  for await (const sga of os.pops(qd)) replies += sga.toBuffer().toString();
  for (const line of replies.split('\n')) if (line.startsWith('HTTP') || line.includes('you asked')) console.log(line.trim());
  await os.close(qd);
}

async function main(): Promise<void> {
  const [, , address, file] = process.argv;
  await using os = demi_init();
  const listener = os.socket(AF_INET, SOCK_STREAM, 0);
  os.setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, true);
  os.bind(listener, address ?? '127.0.0.1:0');
  os.listen(listener, 128);
  const server = os.getsockname(listener);
  serveAll(os, listener, file === undefined ? undefined : readFileSync(file)).catch(() => {});
  if (address === undefined) {
    await ask(os, server);
  } else {
    console.log(`http://${server.address}:${server.port}/ on ${os.info().libos}; Ctrl-C ends it`);
    await new Promise((resolve) => process.once('SIGINT', resolve));
  }
}

void main();
