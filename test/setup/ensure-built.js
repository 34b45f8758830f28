'use strict';

// What has to be in place before anything can run: dependencies installed, addon and TypeScript built.
// Programs of this repository (examples, benchmarks, the test runner) call it first, so that each of them works on a
// fresh clone. It uses nothing but Node. When everything is up to date it only compares file times.

const { spawnSync } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const root = path.resolve(__dirname, '..', '..');

/** Runs a program quietly; its output is shown only if it fails, followed by `hint`. */
function runQuietly(title, program, args, { env = process.env, hint = '' } = {}) {
  process.stderr.write(`${title} ...\n`);
  const result = spawnSync(program, args, {
    cwd: root,
    env,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32' && program === 'npm',
  });
  if (result.error || result.status !== 0) {
    process.stderr.write(`${result.stdout ?? ''}${result.stderr ?? ''}`);
    const reason = result.error ? result.error.message : `exit status ${result.status ?? result.signal}`;
    throw new Error(`${title} failed (${reason}).${hint ? ` ${hint}` : ''}`);
  }
}

function modifiedAt(file) {
  return fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** Every file under `folder` that `wanted` accepts, as paths from the root, sorted. */
function filesUnder(folder, wanted) {
  const found = [];
  for (const entry of fs.readdirSync(path.join(root, folder), { withFileTypes: true })) {
    const name = `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      if (!['build', 'prebuilds', 'node_modules'].includes(entry.name)) found.push(...filesUnder(name, wanted));
    } else if (wanted(name)) {
      found.push(name);
    }
  }
  return found.sort();
}

/** A short text that changes when any of the files is edited, added or removed. */
function fingerprint(files) {
  const hash = crypto.createHash('sha256');
  for (const name of files) {
    const { size, mtimeMs } = fs.statSync(path.join(root, name));
    hash.update(`${name} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

/** Runs `make` unless `stamp` says that it ran on these very sources and `product` is still there. */
function bringUpToDate({ sources, stamp, product, make }) {
  const wanted = fingerprint(sources);
  const stampFile = path.join(root, stamp);
  const upToDate =
    fs.existsSync(path.join(root, product)) &&
    fs.existsSync(stampFile) &&
    fs.readFileSync(stampFile, 'utf8') === wanted;
  if (upToDate) return;
  make();
  // The fingerprint from before: a source that was edited meanwhile may or may not be in the product.
  fs.writeFileSync(stampFile, wanted);
}

/** Installs the dependencies when node_modules is missing or older than package-lock.json. */
function ensureInstalled() {
  const installed = modifiedAt(path.join(root, 'node_modules', '.package-lock.json'));
  if (installed !== 0 && installed >= modifiedAt(path.join(root, 'package-lock.json'))) return;
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const cli = process.env.npm_execpath;
  if (cli && /npm-cli\.[cm]?js$/.test(cli)) {
    runQuietly('Installing dependencies (npm ci)', process.execPath, [cli, ...args]);
  } else {
    runQuietly('Installing dependencies (npm ci)', 'npm', args);
  }
}

const TOOLCHAIN_HINT = 'It needs a C++20 compiler, make and Python 3 (Debian: apt-get install g++ make python3).';

/** Builds the addon when it is missing or a source of it has changed. */
function ensureAddonBuilt() {
  bringUpToDate({
    ...addonTarget(),
    make: () => runQuietly('Building the addon', process.execPath, ['addon/build.js'], { hint: TOOLCHAIN_HINT }),
  });
}

/** Builds the addon with warnings as errors, whatever it was built with before. */
function buildAddonStrictly() {
  const target = addonTarget();
  const env = { ...process.env, DEMI_WERROR: '1' };
  runQuietly('Building the addon, warnings are errors', process.execPath, ['addon/build.js'], { env, hint: TOOLCHAIN_HINT });
  bringUpToDate({ ...target, make: () => {} });
}

function addonTarget() {
  return {
    sources: [...filesUnder('addon', (name) => /\.(cc|h|gyp|js)$/.test(name)), 'package-lock.json'],
    stamp: 'addon/build/built',
    product: 'addon/build/Release/demi.node',
  };
}

/** Compiles lib/ to dist/ when that is missing or a source has changed. */
function ensureTypeScriptBuilt() {
  bringUpToDate({
    sources: [...filesUnder('lib', (name) => name.endsWith('.ts')), 'tsconfig.json', 'package-lock.json'],
    stamp: 'dist/.built',
    product: 'dist/index.js',
    make: () => runQuietly('Compiling TypeScript', process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json']),
  });
}

/** Dependencies, addon and TypeScript: after this, `require('demi-io')` from inside the repository works. */
function ensureBuilt() {
  ensureInstalled();
  ensureAddonBuilt();
  ensureTypeScriptBuilt();
}

module.exports = { root, ensureInstalled, ensureAddonBuilt, buildAddonStrictly, ensureTypeScriptBuilt, ensureBuilt };
