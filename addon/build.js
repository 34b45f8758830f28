'use strict';

// Builds the native addon: addon/build/Release/demi.node. `npm run build:addon` runs this file.
//
// It adds two things to a bare `node-gyp`. Headers that are installed beside the running Node are used instead of
// downloaded ones. And the list of source files is taken when the build is configured, so a build whose list or
// settings have changed is configured again; any other is incremental. The DPDK plug-in comes behind it (build-dpdk.js).

const { spawnSync } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const addonFolder = __dirname;
const buildFolder = path.join(addonFolder, 'build');
const stampFile = path.join(buildFolder, 'configured');

/** The environment for node-gyp: with `npm_config_nodedir` when the headers are beside the running Node. */
function environment() {
  const env = { ...process.env };
  const prefix = path.dirname(path.dirname(fs.realpathSync(process.execPath)));
  if (fs.existsSync(path.join(prefix, 'include', 'node', 'node_api.h'))) {
    // npm hands settings down in several spellings, and node-gyp takes whichever it meets last.
    for (const name of Object.keys(env)) {
      if (/^npm_(config|package_config_node_gyp)_nodedir$/i.test(name)) delete env[name];
    }
    env.npm_config_nodedir = prefix;
  }
  return env;
}

/** Everything that configuring reads: when it changes, the makefiles must be written again. */
function configuration(env) {
  const sources = fs
    .readdirSync(addonFolder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !['build', 'prebuilds'].includes(entry.name))
    .flatMap((room) =>
      fs
        .readdirSync(path.join(addonFolder, room.name))
        .filter((name) => name.endsWith('.cc'))
        .map((name) => `${room.name}/${name}`),
    );
  return crypto
    .createHash('sha256')
    .update(fs.readFileSync(path.join(addonFolder, 'binding.gyp')))
    .update(
      JSON.stringify([
        sources.sort(),
        process.version,
        process.arch,
        env.npm_config_nodedir,
        env.DEMI_WERROR === '1',
        env.CC,
        env.CXX,
        env.CFLAGS,
        env.CXXFLAGS,
        env.LDFLAGS,
      ]),
    )
    .digest('hex');
}

function build() {
  const env = environment();
  const wanted = configuration(env);
  const configured = fs.existsSync(stampFile) ? fs.readFileSync(stampFile, 'utf8') : '';
  const steps = configured === wanted ? ['build'] : ['configure', 'build'];
  fs.rmSync(stampFile, { force: true });

  const nodeGyp = require.resolve('node-gyp/bin/node-gyp.js');
  const options = ['--directory', addonFolder, '--release', '--jobs', 'max', '--loglevel', 'warn'];
  const { status, error } = spawnSync(process.execPath, [nodeGyp, ...steps, ...options], { env, stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) return status ?? 1;
  fs.writeFileSync(stampFile, wanted);
  // Where DPDK is installed, its plug-in as well.
  return spawnSync(process.execPath, [path.join(addonFolder, 'build-dpdk.js'), '--if-possible'], { stdio: 'inherit' }).status ?? 1;
}

process.exitCode = build();
