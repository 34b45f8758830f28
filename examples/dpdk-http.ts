// curl fetches a file from the HTTP example over DPDK, through a TAP interface of net_tap in a network namespace that ends with it: no card. As root.

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { performance } from 'node:perf_hooks';

const TOOL_MS = 60_000;
const TAP = 'demi0';
const ADDRESSES = { ours: '10.77.0.2', kernel: '10.77.0.1' };
const run = join(require.resolve('demi-io/package.json'), '..', 'examples', 'run.js');
const [file = process.execPath, inside] = process.argv.slice(2);

class Problem extends Error {}

/** Runs a tool of Linux, and gives what it prints. */
function call(tool: string, args: string[]): string {
  const { status, signal, error, stdout, stderr } = spawnSync(tool, args, { encoding: 'utf8', timeout: TOOL_MS });
  if (error) throw new Problem(`${tool}: ${error.message}; is it installed? (Debian: apt-get install iproute2 curl)`);
  if (status !== 0) throw new Problem(`${tool} ${args.join(' ')} ended with ${signal ?? status}: ${stderr.trim()}`);
  return stdout;
}

const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

/** Starts the HTTP example. With a card, `eal` names it (`-a 0000:01:00.0`), and nothing else changes. */
async function serve(folder: string, ...what: string[]): Promise<ChildProcess> {
  const config = join(folder, 'catnip.json');
  const dpdk = { eal: ['--no-huge', '--no-pci', `--vdev=net_tap0,iface=${TAP}`], port: 'net_tap0' };
  writeFileSync(config, JSON.stringify({ libos: 'catnip', dpdk, inet: { addresses: [`${ADDRESSES.ours}/24`] } }));
  const server = spawn(process.execPath, [run, 'http', `${ADDRESSES.ours}:80`, ...what], { env: { ...process.env, DEMI_CONFIG: config }, stdio: ['ignore', 'pipe', 'inherit'] });
  const first = await new Promise<string>((resolve) => server.stdout?.once('data', (text) => resolve(String(text))).once('end', () => resolve('')));
  if (first === '') throw new Problem("the example 'http' did not start");
  console.log(`  ${first.trim().replace(/;.*/, '')}; the kernel is ${ADDRESSES.kernel}, behind ${TAP}`);
  return server;
}

async function fetchFile(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'demi-dpdk-http-'));
  let server: ChildProcess | undefined;
  try {
    server = await serve(folder, file);
    call('ip', ['addr', 'add', `${ADDRESSES.kernel}/24`, 'dev', TAP]);
    const [copy, url] = [join(folder, 'fetched'), `http://${ADDRESSES.ours}/${encodeURIComponent(basename(file))}`];
    const begin = performance.now();
    call('curl', ['-sS', '--fail', '-o', copy, url]);
    const seconds = (performance.now() - begin) / 1000;
    if (sha256(file) !== sha256(copy)) throw new Problem(`curl got other bytes than those of ${file}`);
    console.log(`  curl   ${(readFileSync(copy).length / 1e6).toFixed(1)} MB in ${seconds.toFixed(2)} s, SHA-256 ${sha256(copy).slice(0, 16)}... the same`);
    process.stdout.write(call('curl', ['-sSI', url]).replace(/\r/g, '').trim().replace(/^/gm, '  '));
    process.stdout.write('\n');
  } finally {
    server?.kill('SIGINT');
    rmSync(folder, { recursive: true, force: true });
  }
}

function end(error: unknown): void {
  console.error(error instanceof Problem ? `dpdk-http: ${error.message}` : error);
  process.exitCode = 1;
}

// It calls itself in the namespace: the interface is gone when the last program in it has ended.
if (inside !== undefined) {
  fetchFile().catch(end);
} else if (process.platform !== 'linux' || process.getuid?.() !== 0) {
  end(new Problem('a network namespace and a TAP interface take Linux and root'));
} else {
  const again = spawnSync('unshare', ['--net', process.execPath, run, 'dpdk-http', file, 'inside'], { stdio: 'inherit' });
  if (again.error) end(new Problem(`unshare: ${again.error.message}; is it installed? (Debian: apt-get install util-linux)`));
  else process.exitCode = again.status ?? 1;
}
