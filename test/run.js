'use strict';

// `npm test`: sets up, builds, runs every test of the repository, and ends with one line that sums them up.
//
//   npm test                 everything
//   npm test -- PATTERN      the test files whose path matches PATTERN, and the C++ tests whose name contains it
//
// DEMI_REQUIRE_ALL=1       what cannot run because something is not installed is a failure and not a skip
// DEMI_NO_APT=1            install no system package, even as root on Debian

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const fuzz = require('./fuzz/run');
const { root, buildAddonStrictly, ensureInstalled, ensureTypeScriptBuilt } = require('./setup/ensure-built');

const requireAll = process.env.DEMI_REQUIRE_ALL === '1';
const pattern = process.argv[2];
// A run that hangs is a failure too; everything together takes a few minutes.
const RUNNER_LIMIT_MS = 30 * 60 * 1000;

function succeeds(program, args, input) {
  const { status, error } = spawnSync(program, args, { input: input ?? '', stdio: ['pipe', 'ignore', 'ignore'] });
  return !error && status === 0;
}

// --- What has to be on the machine ---

const hasGoogleTest = () => succeeds('g++', ['-x', 'c++', '-std=c++20', '-E', '-'], '#include <gtest/gtest.h>\n');

// Programs that our libOSes talk to in test/integration/*-peers.test.ts; the kernel's sockets are Linux's.
const PEERS =
  process.platform !== 'linux'
    ? []
    : [
        { package: 'curl', program: 'curl', check: 'command -v curl' },
        // The other nc of Debian has other options.
        { package: 'netcat-openbsd', program: 'nc', check: 'nc -h 2>&1 | grep -q OpenBSD' },
        { package: 'iproute2', program: 'ip', check: 'command -v ip' },
        { package: 'ethtool', program: 'ethtool', check: 'command -v ethtool' },
        { package: 'iperf3', program: 'iperf3', check: 'command -v iperf3' },
        { package: 'iputils-arping', program: 'arping', check: 'command -v arping' },
        { package: 'iputils-ping', program: 'ping', check: 'command -v ping' },
        // Without it nothing is lost on the way: catpowder-impaired.test.ts.
        { package: 'nftables', program: 'nft', check: 'command -v nft' },
      ];

const NEEDS = [
  { package: 'g++', present: () => succeeds('g++', ['--version']), without: 'nothing can be built' },
  { package: 'make', present: () => succeeds('make', ['--version']), without: 'nothing can be built' },
  { package: 'python3', present: () => succeeds('python3', ['--version']), without: 'the addon cannot be built' },
  ...PEERS.map(({ package: name, program, check }) => ({
    package: name,
    present: () => succeeds('sh', ['-c', check]),
    without: `the tests against ${program} are left out`,
  })),
  { package: 'tshark', present: () => succeeds('tshark', ['--version']), without: 'captures are not read back' },
  { package: 'libgtest-dev', present: hasGoogleTest, without: 'the C++ tests are left out' },
  { package: 'pkg-config', present: () => succeeds('pkg-config', ['--version']), without: 'the DPDK plug-in is not built' },
  { package: 'libdpdk-dev', present: () => succeeds('pkg-config', ['--exists', 'libdpdk']), without: 'catnip is not tested' },
  { package: 'clang', present: () => succeeds('clang++', ['--version']), without: 'nothing is fuzzed' },
  { package: 'libclang-rt-14-dev', present: () => fuzz.findCompiler() !== undefined, without: 'nothing is fuzzed' },
];

function installSystemPackages() {
  const missing = NEEDS.filter((need) => !need.present());
  if (missing.length === 0) return;
  const packages = missing.map((need) => need.package);
  const mayInstall =
    process.getuid?.() === 0 && process.env.DEMI_NO_APT !== '1' && fs.existsSync('/etc/debian_version');
  if (mayInstall) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const install = ['install', '-y', '--no-install-recommends', ...packages];
    for (const args of [['update'], install]) {
      console.log(`$ apt-get ${args.join(' ')}`);
      spawnSync('apt-get', ['-q', ...args], { env, stdio: ['ignore', 'inherit', 'inherit'] });
    }
  } else {
    console.log(`Not installed: ${packages.join(' ')} (Debian: apt-get install ${packages.join(' ')})`);
  }
  for (const need of missing) {
    if (!need.present()) console.log(`Without ${need.package}, ${need.without}.`);
  }
}

// --- Runners: each gives { passed, failed, skipped } ---

/** Runs a program with its output shown; says whether it came to its end with status 0. */
function run(program, args, env = process.env) {
  const { status, signal, error } = spawnSync(program, args, {
    cwd: root,
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: RUNNER_LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  if (error || signal) console.log(`${path.basename(program)} ended by ${error?.message ?? signal}`);
  return status === 0;
}

function readJson(file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/** A runner that ended badly without naming a failed test crashed, and that is one failure. */
function withCrash(counts, endedWell) {
  return endedWell || counts.failed > 0 ? counts : { ...counts, failed: 1 };
}

/** The name that a C++ test suite has when its file matches a pattern: TimerWheel for base/timer_wheel_test.cc. */
function suiteName(filePattern) {
  const noun = path.basename(filePattern).replace(/(_test)?(\.cc)?$/, '');
  return noun.replace(/(?:^|_)([a-z0-9])/g, (_, letter) => letter.toUpperCase());
}

function runAddonTests(folder) {
  if (!hasGoogleTest()) {
    console.log(`C++ tests: GoogleTest is not installed, ${requireAll ? 'and DEMI_REQUIRE_ALL is set' : 'they are skipped'}`);
    return { passed: 0, failed: requireAll ? 1 : 0, skipped: requireAll ? 0 : 1 };
  }
  if (!run('make', ['--no-print-directory', '-C', 'test/addon', `-j${os.availableParallelism()}`])) {
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const report = path.join(folder, 'gtest.json');
  const args = ['--gtest_brief=1', `--gtest_output=json:${report}`];
  if (pattern !== undefined) args.push(`--gtest_filter=*${pattern}*:*${suiteName(pattern)}*`);
  const endedWell = run(path.join(root, 'build', 'addon-tests', 'addon_tests'), args);

  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const suite of readJson(report)?.testsuites ?? []) {
    for (const one of suite.testsuite) {
      if (one.failures?.length > 0) counts.failed++;
      else if (one.result === 'SKIPPED' || one.status === 'NOTRUN') counts.skipped++;
      else counts.passed++;
    }
  }
  return withCrash(counts, endedWell);
}

/** The cases that drive demi_packetdrill.so from C; it has no tests of its own that a pattern could name. */
function runPacketdrillCases() {
  if (process.platform !== 'linux' || (pattern !== undefined && !'packetdrill'.includes(pattern))) return { passed: 0, failed: 0, skipped: 0 };
  const args = ['--no-print-directory', '-C', 'test/packetdrill', `-j${os.availableParallelism()}`, 'run'];
  const { stdout, status } = spawnSync('make', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], timeout: RUNNER_LIMIT_MS });
  const lines = (stdout ?? '').trimEnd().split('\n');
  console.log(lines.filter((line) => !line.startsWith('ok ')).join('\n'));
  const [, passed, failed] = /^(\d+) passed, (\d+) failed$/.exec(lines.at(-1)) ?? [];
  return withCrash({ passed: Number(passed ?? 0), failed: Number(failed ?? 0), skipped: 0 }, status === 0);
}

/** The committed corpus of each fuzz target, and some seconds of fuzzing: each target is a test. */
function runFuzzTargets(folder) {
  const wanted = fuzz.targets.filter((name) => pattern === undefined || `test/fuzz/${name}`.includes(pattern));
  if (wanted.length === 0) return { passed: 0, failed: 0, skipped: 0 };
  if (fuzz.findCompiler() === undefined) {
    console.log(`${fuzz.WITHOUT_COMPILER} ${requireAll ? 'DEMI_REQUIRE_ALL is set, so that is a failure.' : 'They are skipped.'}`);
    return { passed: 0, failed: requireAll ? wanted.length : 0, skipped: requireAll ? 0 : wanted.length };
  }
  const report = path.join(folder, 'fuzz.json');
  const endedWell = run(process.execPath, ['test/fuzz/run.js', '--check', '--report', report, ...wanted]);
  const result = readJson(report);
  return withCrash({ passed: result?.passed.length ?? 0, failed: result?.failed.length ?? 0, skipped: 0 }, endedWell && result !== undefined);
}

function runJest(folder) {
  const report = path.join(folder, 'jest.json');
  const args = ['--expose-gc', 'node_modules/jest/bin/jest.js', '--json', `--outputFile=${report}`, '--passWithNoTests'];
  if (pattern !== undefined) args.push(pattern);
  const endedWell = run(process.execPath, args);
  const result = readJson(report);
  const counts = {
    passed: result?.numPassedTests ?? 0,
    // A file that does not compile or load has no tests to fail.
    failed: (result?.numFailedTests ?? 0) + (result?.numRuntimeErrorTestSuites ?? 0),
    skipped: (result?.numPendingTests ?? 0) + (result?.numTodoTests ?? 0),
  };
  return withCrash(counts, endedWell && result !== undefined);
}

function main() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'demi-test-'));
  const total = { passed: 0, failed: 0, skipped: 0 };
  try {
    installSystemPackages();
    ensureInstalled();
    buildAddonStrictly();
    ensureTypeScriptBuilt();
    for (const runner of [runAddonTests, runPacketdrillCases, runFuzzTargets, runJest]) {
      const counts = runner(folder);
      for (const key of Object.keys(total)) total[key] += counts[key];
    }
    if (total.passed + total.failed + total.skipped === 0) {
      console.log(pattern === undefined ? 'There was no test at all' : `No test matches ${pattern}`);
      total.failed = 1;
    }
  } catch (error) {
    console.log(error.message);
    total.failed++;
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  process.exitCode = total.failed > 0 ? 1 : 0;
}

main();
