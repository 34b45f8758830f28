// `demi doctor` on the machine that the tests run on: as root, who may much, and as a user who may nothing. The package is copied to where both can
// read it, with nothing but what its users have, so a file that only the repository has would be missed.

import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Report } from '../../lib/bin/doctor';
import type { Finding } from '../../lib/bin/finding';

const { ensureBuilt } = require('../setup/ensure-built.js') as { ensureBuilt(): void };

const root = join(__dirname, '..', '..');
const NOBODY = 65534;
const RUN_MS = 60_000;
jest.setTimeout(2 * RUN_MS);

const required = process.env['DEMI_REQUIRE_ALL'] === '1';
const isRoot = process.platform === 'linux' && process.getuid!() === 0;
const asRoot = isRoot || required ? test : test.skip;

let folder: string;

/** Makes everything below a folder readable for all. */
function open(path: string): void {
  const isFolder = lstatSync(path).isDirectory();
  chmodSync(path, isFolder ? 0o755 : 0o644);
  if (isFolder) for (const name of readdirSync(path)) open(join(path, name));
}

beforeAll(() => {
  ensureBuilt();
  folder = mkdtempSync(join(tmpdir(), 'demi-doctor-'));
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies: Record<string, string> };
  const parts = ['package.json', 'dist', 'addon/build/Release/demi.node', ...Object.keys(dependencies).map((name) => `node_modules/${name}`)];
  for (const part of parts) cpSync(join(root, part), join(folder, part), { recursive: true, dereference: true });
  open(folder);
});

afterAll(() => {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

function demi(args: string[], user: { uid?: number; gid?: number } = {}): Ended {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [join(folder, 'dist', 'bin', 'demi.js'), ...args], {
    cwd: folder,
    encoding: 'utf8',
    timeout: RUN_MS,
    killSignal: 'SIGKILL',
    ...user,
  });
  if (error) throw error;
  return { status, stdout, stderr };
}

const stateOf = ({ findings }: Report, topic: string): Finding['state'] | undefined => findings.find((one) => one.topic === topic)?.state;
const canRun = ({ liboses }: Report, name: string): boolean => liboses.find(({ libos }) => libos === name)!.canRun;

test('text and JSON say the same, and the status is that of the default', () => {
  const text = demi(['doctor']);
  const json = demi(['doctor', '--json']);
  const report = JSON.parse(json.stdout) as Report;
  expect(text.stderr + json.stderr).toBe('');
  expect(text.status).toBe(report.ok ? 0 : 1);
  expect(json.status).toBe(text.status);
  for (const { topic, found } of report.findings) {
    const line = text.stdout.split('\n').find((one) => one.split(/ {2,}/)[1] === topic);
    expect(line).toContain(found);
  }
  expect(stateOf(report, 'Node.js')).toBe('ok');
  expect(stateOf(report, 'Addon')).toBe('ok');
  if (process.platform === 'linux') {
    expect(text.status).toBe(0);
    expect(['loopback', 'catnap', 'catpowder-hub'].every((name) => canRun(report, name))).toBe(true);
  }
});

test('wrong usage and the version', () => {
  expect(demi(['doctor', '--for', 'windows'])).toMatchObject({ status: 2, stdout: '' });
  expect(demi(['--version'])).toMatchObject({ status: 0, stdout: `${JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version}\n` });
});

test('without its script, build-dpdk fails', () => {
  // The copy has none.
  expect(existsSync(join(folder, 'addon', 'build-dpdk.js'))).toBe(false);
  expect(demi(['build-dpdk']).status).toBe(1);
});

asRoot('root has what it is said to have', () => {
  const report = JSON.parse(demi(['doctor', '--json']).stdout) as Report;
  // Root of a container may lack capabilities; /proc tells which, and the report must agree.
  const effective = BigInt(`0x${/^CapEff:\s*(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]}`);
  for (const [topic, bit] of [['CAP_NET_ADMIN', 12n], ['CAP_NET_RAW', 13n], ['CAP_IPC_LOCK', 14n], ['CAP_SYS_ADMIN', 21n]] as const) {
    expect(stateOf(report, topic)).toBe(((effective >> bit) & 1n) === 1n ? 'ok' : 'missing');
  }
  for (const name of readdirSync('/sys/class/net').filter((one) => one !== 'lo' && existsSync(`/sys/class/net/${one}/mtu`))) {
    const { found } = report.findings.find(({ topic }) => topic === `Interface ${name}`)!;
    expect(found).toContain(`MTU ${readFileSync(`/sys/class/net/${name}/mtu`, 'utf8').trim()};`);
  }
});

asRoot('nobody is told what nobody may not, and still has what needs no rights', () => {
  const ended = demi(['doctor', '--json'], { uid: NOBODY, gid: NOBODY });
  expect(ended).toMatchObject({ status: 0, stderr: '' });
  const report = JSON.parse(ended.stdout) as Report;
  for (const topic of ['CAP_NET_ADMIN', 'CAP_NET_RAW', 'CAP_IPC_LOCK', 'CAP_SYS_ADMIN', 'AF_PACKET']) expect(stateOf(report, topic)).toBe('missing');
  for (const name of ['loopback', 'catnap', 'catpowder-hub']) expect(canRun(report, name)).toBe(true);
  for (const name of ['catpowder-tap', 'catpowder-interface']) {
    expect(canRun(report, name)).toBe(false);
    expect(demi(['doctor', '--for', name], { uid: NOBODY, gid: NOBODY }).status).toBe(1);
  }
});

test('nothing of the command is loaded with the package', () => {
  const script = `require(${JSON.stringify(folder)}); console.log(Object.keys(require.cache).filter((file) => /commander|[\\\\/]dist[\\\\/]bin[\\\\/]/.test(file)).length)`;
  expect(spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' }).stdout.trim()).toBe('0');
});
