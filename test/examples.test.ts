// Every example runs as a user runs it, and says what it should.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ts from 'typescript';

const { ensureBuilt } = require('./setup/ensure-built.js') as { ensureBuilt(): void };

const root = join(__dirname, '..');
const folder = join(root, 'examples');
const examples = readdirSync(folder)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -'.ts'.length));

const LINES_MAX = 80;
const RUN_MS = 60_000;
jest.setTimeout(2 * RUN_MS);

// What is built meanwhile is told on stderr, and the examples are to be silent there.
beforeAll(ensureBuilt);

interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

function run(args: string[], variables: Record<string, string> = {}): Ended {
  // What configures the libOS of whoever runs the tests is not what they are about.
  const { DEMI_LIBOS, DEMI_CONFIG, LIBOS, CONFIG_PATH, ...env } = process.env;
  return spawnSync(process.execPath, [join(folder, 'run.js'), ...args], {
    cwd: root,
    env: { ...env, ...variables },
    encoding: 'utf8',
    timeout: RUN_MS,
    killSignal: 'SIGKILL',
  });
}

/** What each example prints, line by line; `demo` has its own tests. */
const EXPECTED: Record<string, RegExp[]> = {
  echo: [/sent 'hello 1', got 'hello 1'/, /sent 'hello 3', got 'hello 3'/, /3 clients served on (loopback|catnap|catpowder)/],
  'dpdk-echo': [/5000 messages there and back on catnip, [\d.]+ us each/],
  'dpdk-http': [/http:\/\/10\.77\.0\.2:80\/ on catnip; .*behind demi0\n +curl +[\d.]+ MB in [\d.]+ s, SHA-256 [0-9a-f]{16}\.\.\. the same\n +HTTP\/1\.1 200 OK/],
  http: [/^HTTP\/1\.1 200 OK\nyou asked for \/one\nHTTP\/1\.1 200 OK\nyou asked for \/two\nHTTP\/1\.1 200 OK\nyou asked for \/last\n$/],
  'linux-tools': [
    /echo at 10\.77\.0\.2:7 on catpowder; the kernel is 10\.77\.0\.1, behind demi0\n +nc +[\d.]+ MB in [\d.]+ s, SHA-256 [0-9a-f]{16}\.\.\. the same/,
    /http:\/\/10\.78\.0\.2:80\/ on catpowder; .*\n +curl +[\d.]+ MB in [\d.]+ s, SHA-256 [0-9a-f]{16}\.\.\. the same/,
  ],
  'push-pop': [/before the push: done is false/, /after the push: done is true/, /popped 'a string'/, /popped 16 bytes of 7/],
  'udp-ping-pong': [/1000 of 1000 datagrams came back from port \d+/],
  'wait-any': [/red is done after 1000 messages/, /blue is done after 1000 messages/, /3000 messages in all/],
  pipeline: [/add up to 333383335000/, /should be 333383335000/],
  cancellation: [
    /cancel: +ECANCELED/,
    /timeout: +ETIMEDOUT/,
    /deadline: ETIMEDOUT and ETIMEDOUT/,
    /signal: +nobody needs it any more/,
    /the stream says: still here/,
  ],
  'workers-echo': [
    /client on queue 0 of 2 had 16 connections/,
    /client on queue 1 of 2 had 16 connections/,
    /server on queue 0 of 2 served 16 connections/,
    /server on queue 1 of 2 served 16 connections/,
  ],
  workers: [/worker 0: 10000 round trips/, /worker 2: 10000 round trips/, /3 workers are done/],
};

test('every example has its expectation here', () => {
  expect(examples.filter((name) => name !== 'demo').sort()).toEqual(Object.keys(EXPECTED).sort());
});

const LIBOSES = process.platform === 'linux' ? ['loopback', 'catnap', 'catpowder'] : ['loopback', 'catpowder'];
// They choose their libOS themselves.
const linuxTools = 'linux-tools';
const dpdkHttp = 'dpdk-http';
const overDpdk = ['dpdk-echo', 'workers-echo'];
const withTheirOwn = [linuxTools, dpdkHttp, ...overDpdk];
const everywhere = Object.keys(EXPECTED).filter((name) => !withTheirOwn.includes(name)).flatMap((name) => LIBOSES.map((libos) => [name, libos] as const));

test.each(everywhere)('%s on %s', (name, libos) => {
  const { status, stdout, stderr } = run([name], { DEMI_LIBOS: libos });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  for (const pattern of EXPECTED[name]) expect(stdout).toMatch(pattern);
});

const hasRights = process.platform === 'linux' && process.getuid?.() === 0;
const withRights = hasRights || process.env['DEMI_REQUIRE_ALL'] === '1' ? test : test.skip;

function leavesNoInterface(name: string): void {
  const interfaces = (): string => spawnSync('ip', ['-o', 'link'], { encoding: 'utf8' }).stdout;
  const before = interfaces();
  const { status, stdout, stderr } = run([name]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  for (const pattern of EXPECTED[name]) expect(stdout).toMatch(pattern);
  expect(interfaces()).toBe(before);
}

withRights('linux-tools exchanges a file with nc and curl, and leaves nothing behind', () => leavesNoInterface(linuxTools));

withRights.each([linuxTools, dpdkHttp])('%s says what is missing', (name) => {
  const { status, stderr } = run([name, join(folder, 'run.js')], { PATH: '' });
  expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringMatching(new RegExp(`^${name}: unshare: .*ENOENT.*apt-get install util-linux\\)\\n$`)) });
});

const hasDpdk = existsSync(join(root, 'addon', 'build', 'Release', 'demi_dpdk.so')) || process.env['DEMI_REQUIRE_ALL'] === '1';
(hasDpdk && withRights !== test.skip ? test : test.skip)('dpdk-http hands a file to curl, and leaves nothing behind', () => leavesNoInterface(dpdkHttp));

(hasDpdk ? test : test.skip).each(overDpdk)('%s starts all that it needs', (name) => {
  const { status, stdout, stderr } = run([name]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  for (const pattern of EXPECTED[name]) expect(stdout).toMatch(pattern);
});

test.each(examples.filter((name) => name !== 'demo'))('%s is short', (name) => {
  expect(readFileSync(join(folder, `${name}.ts`), 'utf8').split('\n').length).toBeLessThan(LINES_MAX);
});

test('the examples pass the type check', () => {
  const configFile = join(root, 'test', 'tsconfig.json');
  const { options } = ts.getParsedCommandLineOfConfigFile(configFile, {}, { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => {} })!;
  const program = ts.createProgram(
    examples.map((name) => join(folder, `${name}.ts`)),
    { ...options, noUnusedLocals: true },
  );
  const found = examples.flatMap((name) => ts.getPreEmitDiagnostics(program, program.getSourceFile(join(folder, `${name}.ts`))));
  expect(found.map(({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`)).toEqual([]);
});

describe('run.js', () => {
  test('without a name lists every example with what it shows', () => {
    const { status, stdout } = run([]);
    expect(status).toBe(0);
    for (const name of examples) expect(stdout).toMatch(new RegExp(`^  ${name} +\\S.*\\S$`, 'm'));
  });

  test('says so if there is no such example', () => {
    const { status, stderr } = run(['no-such']);
    expect(status).toBe(1);
    expect(stderr).toContain("There is no example 'no-such'");
  });
});

describe('demo', () => {
  let temporary: string;
  beforeAll(() => (temporary = mkdtempSync(join(tmpdir(), 'demi-demo-'))));
  afterAll(() => rmSync(temporary, { recursive: true, force: true }));

  const oneLine = (message: RegExp): unknown => expect.stringMatching(new RegExp(`^demo: [^\\n]*${message.source}[^\\n]*\\n$`));

  test.each(LIBOSES)('sends a file and messages, and reports, on %s', (libos) => {
    const file = join(temporary, 'small.txt');
    writeFileSync(file, 'a small file\n');
    const { status, stdout, stderr } = run(['demo', file], { DEMI_LIBOS: libos });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain(`on libOS '${libos}'`);
    expect(stdout).toContain('small.txt, ');
    expect(stdout).toMatch(/64\.0 MB there and back in [\d.]+ s, \d+ MB\/s/);
    expect(stdout).toMatch(/SHA-256 +[0-9a-f]{16}\.\.\. the same/);
    expect(stdout).toMatch(/\d+ messages of 64 bytes in [\d.]+ s, \d+ messages\/s/);
    expect(stdout).toMatch(/p50 [\d.]+ us, p99 [\d.]+ us, p99\.9 [\d.]+ us/);
    expect(stdout).toMatch(/#+ +\d+\.\d+ %/);
    expect(stdout).toMatch(/tokens +\d+ used/);
    expect(stdout).toMatch(/buffers +0 outstanding/);
    if (libos === 'catpowder' && hasRights) expect(stdout).toMatch(/nc +64\.0 MB.*the same\n.*\n +curl +64\.0 MB.*the same/);
    else if (libos === 'catpowder') expect(stdout).toMatch(/linux +left out: .*root/);
    // Nobody watches: no line overwrites itself.
    expect(stdout).not.toMatch(/[\r\x1b]/);
  });

  test('a file that is missing is one clear error', () => {
    const { status, stdout, stderr } = run(['demo', join(temporary, 'missing')]);
    expect({ status, stdout, stderr }).toEqual({ status: 1, stdout: '', stderr: oneLine(/cannot read '.*missing'.*ENOENT/) });
  });

  test('an empty file is one clear error', () => {
    const file = join(temporary, 'empty');
    writeFileSync(file, '');
    expect(run(['demo', file])).toMatchObject({ status: 1, stderr: oneLine(/empty' is empty/) });
  });

  test('an unknown libOS is one clear error', () => {
    const { status, stdout, stderr } = run(['demo'], { DEMI_LIBOS: 'no-such-libos' });
    expect({ status, stdout, stderr }).toEqual({ status: 1, stdout: '', stderr: oneLine(/no-such-libos/) });
  });
});
