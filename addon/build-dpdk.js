'use strict';

// Builds the DPDK plug-in, addon/build/Release/demi_dpdk.so, if pkg-config finds libdpdk. `npx demi build-dpdk` runs this file and fails if there is
// none; addon/build.js runs it with --if-possible, because everything but catnip works without. No Node headers are needed: the plug-in knows DPDK alone.

const { spawn, spawnSync } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const addonFolder = __dirname;
const sourceFolder = path.join(addonFolder, 'device', 'dpdk');
const objectFolder = path.join(addonFolder, 'build', 'dpdk');
const plugin = path.join(addonFolder, 'build', 'Release', 'demi_dpdk.so');
const stampFile = path.join(objectFolder, 'built');
const exportsFile = path.join(sourceFolder, 'exports.map');
// What it includes from elsewhere.
const SHARED_HEADERS = ['base/bytes.h', 'base/flow_hash.h'];
const JOBS = 2;

const MISSING = 'libdpdk was not found by pkg-config: install DPDK 22.11 or newer with its headers, on Debian by `apt-get install libdpdk-dev pkg-config`.';
const compiler = process.env.CXX || 'g++';

/** What pkg-config says, as words; undefined if it knows no libdpdk, or is not there. */
function pkgConfig(...options) {
  const { status, stdout } = spawnSync('pkg-config', [...options, 'libdpdk'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim().split(/\s+/) : undefined;
}

function settings() {
  const [version] = pkgConfig('--modversion') ?? [];
  if (version === undefined) return undefined;
  const cflags = [
    '-std=c++20', '-O2', '-g', '-fPIC', '-Wall', '-Wextra', '-fno-exceptions', '-fno-rtti', '-fvisibility=hidden', '-fvisibility-inlines-hidden', '-pthread',
    // Pools over memory of our own are not yet part of DPDK's stable interface, in any release.
    '-DALLOW_EXPERIMENTAL_API',
    ...(process.env.DEMI_WERROR === '1' ? ['-Werror'] : []),
    '-I', addonFolder,
    // DPDK's headers have warnings of their own.
    ...pkgConfig('--cflags').map((flag) => flag.replace(/^-I/, '-isystem')),
  ];
  const ldflags = [
    '-shared', '-pthread', '-static-libstdc++', '-static-libgcc', '-Wl,--exclude-libs,ALL', '-Wl,-z,nodelete', `-Wl,--version-script=${exportsFile}`,
    ...pkgConfig('--libs'), '-lrte_net_ring',
  ];
  return { version, cflags, ldflags };
}

/** Of everything that goes into the plug-in. */
function fingerprint({ version, cflags, ldflags }, sources) {
  const hash = crypto.createHash('sha256').update(JSON.stringify([compiler, version, cflags, ldflags]));
  for (const name of fs.readdirSync(sourceFolder).sort()) hash.update(name).update(fs.readFileSync(path.join(sourceFolder, name)));
  for (const name of SHARED_HEADERS) hash.update(name).update(fs.readFileSync(path.join(addonFolder, name)));
  return hash.update(sources.join()).digest('hex');
}

function run(args) {
  return new Promise((resolve) => spawn(compiler, args, { stdio: 'inherit' }).on('error', () => resolve(1)).on('close', (status) => resolve(status ?? 1)));
}

async function build() {
  const found = settings();
  if (found === undefined) {
    if (process.argv.includes('--if-possible')) return 0;
    console.error(MISSING);
    return 1;
  }
  const sources = fs.readdirSync(sourceFolder).filter((name) => name.endsWith('.cc')).sort();
  const wanted = fingerprint(found, sources);
  if (fs.existsSync(plugin) && fs.existsSync(stampFile) && fs.readFileSync(stampFile, 'utf8') === wanted) return 0;
  fs.mkdirSync(objectFolder, { recursive: true });
  fs.mkdirSync(path.dirname(plugin), { recursive: true });
  fs.rmSync(stampFile, { force: true });

  const objectOf = (name) => path.join(objectFolder, name.replace(/\.cc$/, '.o'));
  const waiting = [...sources];
  const statuses = [];
  const work = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      statuses.push(await run([...found.cflags, '-c', path.join(sourceFolder, name), '-o', objectOf(name)]));
    }
  };
  await Promise.all(Array.from({ length: JOBS }, work));
  // An object of an earlier build must not stand in for one that did not compile.
  if (statuses.some((status) => status !== 0)) return 1;
  // A process that has the old one loaded keeps it.
  const fresh = `${plugin}.${process.pid}.new`;
  const linked = await run([...sources.map(objectOf), ...found.ldflags, '-o', fresh]);
  if (linked !== 0) return linked;
  fs.renameSync(fresh, plugin);
  fs.writeFileSync(stampFile, wanted);
  console.log(`built ${path.relative(process.cwd(), plugin)} with DPDK ${found.version}`);
  return 0;
}

build().then((status) => (process.exitCode = status));
