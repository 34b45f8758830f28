'use strict';

// Builds an addon that is only a peer of a benchmark, with node-gyp, and loads it. Headers beside the running Node are used when they are
// there, as addon/build.js does it.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

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

/** Builds `folder` (with a binding.gyp whose target is named `target`) unless that is newer than its sources; gives its exports. */
function loadPeer(folder, target) {
  const product = path.join(folder, 'build', 'Release', `${target}.node`);
  const sources = fs.readdirSync(folder).filter((name) => /\.(cc|h|gyp)$/.test(name));
  const builtAt = fs.statSync(product, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (sources.some((name) => fs.statSync(path.join(folder, name)).mtimeMs > builtAt)) {
    process.stderr.write(`Building the peer ${path.basename(folder)} ...\n`);
    const nodeGyp = require.resolve('node-gyp/bin/node-gyp.js');
    const args = [nodeGyp, 'configure', 'build', '--directory', folder, '--release', '--loglevel', 'warn'];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { env: environment(), encoding: 'utf8' });
    if (status !== 0) throw new Error(`building ${folder} failed:\n${stdout}${stderr}`);
  }
  return require(product);
}

module.exports = { loadPeer };
