// A file goes through an echo server and back, then small messages: is it right, and how fast is it?
//
// npm run demo [file]; the file is Node's own executable if none is given, cut or repeated to 64 MB. DEMI_LIBOS names the libOS. On catpowder
// root also sees nc and curl of Linux exchange the file with the echo and HTTP examples, through our TCP.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createHistogram, performance } from 'node:perf_hooks';
import { AF_INET, DemiError, SHUT_WR, SOCK_STREAM, demi_fini, demi_init, type Endpoint, type LibOS } from 'demi-io';

const FILE_BYTES = 64_000_000;
const CHUNK_BYTES = 64 * 1024;
const MESSAGE_BYTES = 64;
const MESSAGES = 200_000;
const PING_PONG_MS = 1000;
const WARM_UP_MESSAGES = 2000;
const CONNECT_MS = 5000;
const PROGRESS_MS = 100;
const BAR_WIDTH = 40;

/** What went wrong in a way that the user can mend: it is said in one line. */
class UserError extends Error {}

// --- Input and output ---

/** The file's first 64 MB; a smaller one is repeated. */
function readInput(file: string): Buffer {
  const data = Buffer.alloc(FILE_BYTES);
  let length = 0;
  try {
    const fd = openSync(file, 'r');
    try {
      for (let got = -1; got !== 0 && length < FILE_BYTES; length += got) got = readSync(fd, data, length, FILE_BYTES - length, null);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw new UserError(`cannot read '${file}': ${(error as Error).message}`);
  }
  if (length === 0) throw new UserError(`'${file}' is empty: there is nothing to send`);
  for (; length < FILE_BYTES; length *= 2) data.copy(data, length, 0, Math.min(length, FILE_BYTES - length));
  return data;
}

let progressAt = 0;

/** A line that overwrites itself; only for somebody who watches. */
function progress(text: string): void {
  if (!process.stdout.isTTY) return;
  const now = performance.now();
  if (now - progressAt < PROGRESS_MS) return;
  progressAt = now;
  process.stdout.write(`\r\x1b[K${text}`);
}

function endProgress(): void {
  if (process.stdout.isTTY) process.stdout.write('\r\x1b[K');
}

function report(error: unknown): void {
  endProgress();
  // Nobody needs a stack to mend a file name or a configuration.
  const known = error instanceof UserError || error instanceof DemiError;
  console.error(known ? `demo: ${error.message}` : error);
  process.exitCode = 1;
}

const line = (name: string, text: string): void => console.log(`  ${name.padEnd(12)}${text}`);
const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
const microseconds = (nanoseconds: number): string => `${(nanoseconds / 1000).toFixed(nanoseconds < 1e5 ? 1 : 0)} us`;
const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');

// --- Server ---

/** Sends every connection's bytes back to it, until the listener is closed. */
async function serve(os: LibOS, listener: number): Promise<void> {
  const connections: Promise<void>[] = [];
  try {
    for await (const { newQd } of os.accepts(listener)) connections.push(echo(os, newQd).catch(report));
  } catch (error) {
    // Closing the listener is how the server is told to end.
    if (!(error instanceof DemiError && error.code === 'ECANCELED')) report(error);
  }
  await Promise.all(connections);
}

async function echo(os: LibOS, qd: number): Promise<void> {
  try {
    // What was received is moved into the push: the server copies nothing.
    for await (const sga of os.pops(qd)) await os.push(qd, sga);
  } finally {
    await os.close(qd);
  }
}

// --- Client ---

async function connect(os: LibOS, server: Endpoint): Promise<number> {
  const qd = os.socket(AF_INET, SOCK_STREAM, 0);
  await os.connect(qd, server, { timeout: CONNECT_MS });
  return qd;
}

async function send(os: LibOS, qd: number, data: Buffer): Promise<void> {
  // A push is done when the libOS has taken its bytes: awaiting it is the back-pressure.
  for (let at = 0; at < data.length; at += CHUNK_BYTES) await os.push(qd, data.subarray(at, at + CHUNK_BYTES));
  await os.shutdown(qd, SHUT_WR);
}

async function receive(os: LibOS, qd: number, into: Buffer): Promise<number> {
  let length = 0;
  for await (const sga of os.pops(qd)) {
    for (const segment of sga.segments) {
      if (length + segment.length > into.length) throw new Error('more bytes came back than were sent');
      into.set(segment, length);
      length += segment.length;
    }
    progress(`  ${megabytes(length)} of ${megabytes(into.length)} MB`);
  }
  return length;
}

/** Sends the data through the server; says whether the same came back. */
async function stream(os: LibOS, server: Endpoint, data: Buffer): Promise<boolean> {
  const sent = sha256(data);
  // Filled, so that the operating system finds its memory before the clock runs.
  const back = Buffer.alloc(data.length, 1);
  const qd = await connect(os, server);
  const begin = performance.now();
  const [, length] = await Promise.all([send(os, qd, data), receive(os, qd, back)]);
  const seconds = (performance.now() - begin) / 1000;
  await os.close(qd);
  const same = length === data.length && sha256(back) === sent;
  endProgress();
  line('file', `${megabytes(length)} MB there and back in ${seconds.toFixed(3)} s, ${(length / 1e6 / seconds).toFixed(0)} MB/s`);
  line('SHA-256', same ? `${sent.slice(0, 16)}... the same` : 'DIFFERENT: what came back is not what was sent');
  return same;
}

/** Latencies in nanoseconds: exact enough for percentiles, and buckets to be drawn, two to a doubling. */
class Latencies {
  readonly histogram = createHistogram();
  private readonly buckets = new Array<number>(128).fill(0);

  record(nanoseconds: number): void {
    this.histogram.record(nanoseconds);
    this.buckets[Math.floor(2 * Math.log2(nanoseconds))]++;
  }

  draw(): void {
    const { count } = this.histogram;
    // Rare ones are many rows of one dot; they go into the last row.
    const shown = this.buckets.flatMap((many, bucket) => (many >= count / 1000 ? [bucket] : []));
    const [first, last] = [shown[0], shown[shown.length - 1]];
    const tallest = Math.max(...this.buckets);
    const row = (name: string, many: number): void => {
      const bar = '#'.repeat(Math.max(many > 0 ? 1 : 0, Math.round((many / tallest) * BAR_WIDTH)));
      console.log(`  ${name.padStart(12)}  ${bar.padEnd(BAR_WIDTH)} ${((100 * many) / count).toFixed(2)} %`);
    };
    let rest = count;
    for (let bucket = first; bucket <= last; bucket++) {
      const many = bucket === first ? this.buckets.slice(0, first + 1).reduce((a, b) => a + b) : this.buckets[bucket];
      row(`< ${microseconds(2 ** ((bucket + 1) / 2))}`, many);
      rest -= many;
    }
    if (rest > 0) row('more', rest);
  }
}

/** Sends one message and waits until all of it is back. */
async function roundTrip(os: LibOS, qd: number, message: Buffer): Promise<void> {
  os.push(qd, message);
  for (let length = 0; length < message.length; ) {
    const { sga } = await os.pop(qd);
    if (sga.byteLength === 0) throw new Error('the server closed the connection');
    length += sga.byteLength;
    sga.free();
  }
}

async function pingPong(os: LibOS, server: Endpoint): Promise<void> {
  const qd = await connect(os, server);
  const message = Buffer.alloc(MESSAGE_BYTES, 'demi-io ');
  for (let i = 0; i < WARM_UP_MESSAGES; i++) await roundTrip(os, qd, message);

  const latencies = new Latencies();
  const begin = performance.now();
  let now = begin;
  let messages = 0;
  for (; messages < MESSAGES && now - begin < PING_PONG_MS; messages++) {
    const sentAt = now;
    await roundTrip(os, qd, message);
    now = performance.now();
    latencies.record(Math.max(1, Math.round((now - sentAt) * 1e6)));
    if (messages % 1024 === 0) progress(`  ${messages} messages`);
  }
  const seconds = (now - begin) / 1000;
  await os.close(qd);
  endProgress();

  line('ping-pong', `${messages} messages of ${MESSAGE_BYTES} bytes in ${seconds.toFixed(3)} s, ${(messages / seconds).toFixed(0)} messages/s`);
  const at = (percent: number): string => microseconds(latencies.histogram.percentile(percent));
  line('round trip', `p50 ${at(50)}, p99 ${at(99)}, p99.9 ${at(99.9)}`);
  latencies.draw();
}

// --- The tools of Linux at the other end ---

function exchangeWithLinux(data: Buffer, name: string): void {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    line('linux', 'left out: nc and curl at the other end of a TAP interface take Linux and root');
    return;
  }
  line('linux', 'nc and curl, in a network namespace of their own');
  const folder = mkdtempSync(join(tmpdir(), 'demi-demo-'));
  try {
    const file = join(folder, name);
    writeFileSync(file, data);
    const run = join(require.resolve('demi-io/package.json'), '..', 'examples', 'run.js');
    const { status } = spawnSync(process.execPath, [run, 'linux-tools', file], { stdio: 'inherit' });
    if (status !== 0) process.exitCode = 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

// --- The demo ---

async function main(): Promise<void> {
  const file = process.argv[2] ?? process.execPath;
  const data = readInput(file);
  const os = demi_init();
  const { libos, origin } = os.info();
  try {
    console.log(`${basename(file)}, cut or repeated to ${megabytes(data.length)} MB, on libOS '${libos}' (${origin})`);
    const listener = os.socket(AF_INET, SOCK_STREAM, 0);
    os.bind(listener, '127.0.0.1:0');
    os.listen(listener, 16);
    const server = os.getsockname(listener);
    const serving = serve(os, listener);

    if (!(await stream(os, server, data))) process.exitCode = 1;
    await pingPong(os, server);
    await os.close(listener);
    await serving;
    // A network stack goes on delivering for a moment after the last close.
    while (os.stats().closing > 0) await new Promise((resolve) => setImmediate(resolve));

    const { operations, buffers } = os.stats();
    line('tokens', `${operations} used`);
    line('buffers', `${buffers} outstanding`);
  } finally {
    await demi_fini();
  }
  if (libos === 'catpowder') exchangeWithLinux(data, basename(file));
}

void main().catch(report);
