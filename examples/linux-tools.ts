// nc and curl exchange a file with the echo and HTTP examples through our own TCP, over TAP interfaces in a network namespace that ends with it.

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { performance } from 'node:perf_hooks';

const TOOL_MS = 60_000;
const root = join(require.resolve('demi-io/package.json'), '..');
const [file = process.execPath, inside] = process.argv.slice(2);

class Problem extends Error {}

/** Runs a tool of Linux, with its input and output in files if they are named. */
function run(tool: string, args: string[], input = '/dev/null', output = '/dev/null'): void {
  const [from, to] = [openSync(input, 'r'), openSync(output, 'w')];
  const { status, signal, error, stderr } = spawnSync(tool, args, { stdio: [from, to, 'pipe'], encoding: 'utf8', timeout: TOOL_MS });
  for (const fd of [from, to]) closeSync(fd);
  if (error) throw new Problem(`${tool}: ${error.message}; is it installed? (Debian: apt-get install iproute2 netcat-openbsd curl)`);
  if (status !== 0) throw new Problem(`${tool} ${args.join(' ')} ended with ${signal ?? status}: ${stderr.trim()}`);
}

const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

function compare(tool: string, original: string, copy: string, begin: number): void {
  const seconds = (performance.now() - begin) / 1000;
  if (sha256(original) !== sha256(copy)) throw new Problem(`${tool} got other bytes than those of ${original}`);
  const megabytes = readFileSync(copy).length / 1e6;
  console.log(`  ${tool.padEnd(6)} ${megabytes.toFixed(1)} MB in ${seconds.toFixed(2)} s, SHA-256 ${sha256(copy).slice(0, 16)}... the same`);
}

/** Starts an example on a TAP interface of its own, and gives the kernel's end of that an address. */
async function serve(folder: string, tap: string, network: string, args: string[]): Promise<ChildProcess> {
  const config = join(folder, `${tap}.json`);
  writeFileSync(config, JSON.stringify({ libos: 'catpowder', device: { tap }, inet: { addresses: [`${network}.2/24`] } }));
  const server = spawn(process.execPath, [join(root, 'examples', 'run.js'), ...args], { env: { ...process.env, DEMI_CONFIG: config }, stdio: ['ignore', 'pipe', 'inherit'] });
  const first = await new Promise<string>((resolve) => server.stdout?.once('data', (text) => resolve(String(text))).once('end', () => resolve('')));
  if (first === '') throw new Problem(`the example '${args[0]}' did not start`);
  run('ip', ['addr', 'add', `${network}.1/24`, 'dev', tap]);
  console.log(`  ${first.trim().replace(/;.*/, '')}; the kernel is ${network}.1, behind ${tap}`);
  return server;
}

async function exchange(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'demi-linux-tools-'));
  const servers: ChildProcess[] = [];
  try {
    servers.push(await serve(folder, 'demi0', '10.77.0', ['echo', '10.77.0.2:7']));
    let begin = performance.now();
    run('nc', ['-N', '10.77.0.2', '7'], file, join(folder, 'echoed'));
    compare('nc', file, join(folder, 'echoed'), begin);
    servers.push(await serve(folder, 'demi1', '10.78.0', ['http', '10.78.0.2:80', file]));
    begin = performance.now();
    run('curl', ['-sS', '--fail', '-o', join(folder, 'fetched'), `http://10.78.0.2/${encodeURIComponent(basename(file))}`]);
    compare('curl', file, join(folder, 'fetched'), begin);
  } finally {
    for (const server of servers) server.kill('SIGINT');
    rmSync(folder, { recursive: true, force: true });
  }
}

function end(error: unknown): void {
  console.error(error instanceof Problem ? `linux-tools: ${error.message}` : error);
  process.exitCode = 1;
}

// It calls itself in the namespace: everything that is made there is gone when the last program in it has ended.
if (inside !== undefined) {
  exchange().catch(end);
} else if (process.platform !== 'linux' || process.getuid?.() !== 0) {
  end(new Problem('a network namespace and TAP interfaces take Linux and root'));
} else {
  const again = spawnSync('unshare', ['--net', process.execPath, join(root, 'examples', 'run.js'), 'linux-tools', file, 'inside'], { stdio: 'inherit' });
  if (again.error) end(new Problem(`unshare: ${again.error.message}; is it installed? (Debian: apt-get install util-linux)`));
  else process.exitCode = again.status ?? 1;
}
