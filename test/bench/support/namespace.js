'use strict';

// A network namespace of its own for a benchmark that uses interfaces: everything in it is gone when the benchmark has ended. The kernel's
// TCP on 127.0.0.1 is the same there. It takes Linux, root, and the commands unshare and ip.

const { spawnSync } = require('node:child_process');

const { canMakeNamespaces } = require('../../setup/namespaces');

const ENTERED = 'DEMI_BENCH_NAMESPACE';

/** What runs a program in a namespace: words before its own, and variables for its environment. Undefined where that cannot be. */
function namespace() {
  return canMakeNamespaces ? { before: ['unshare', '--net'], variables: { [ENTERED]: '1' } } : undefined;
}

function ip(command) {
  const { status, stderr } = spawnSync('ip', command.split(' '), { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ip ${command}: ${stderr}`);
}

/** Makes a veth pair, and returns its ends as arguments of server and client; says so and returns undefined outside of a namespace. */
function makeVeth() {
  if (process.env[ENTERED] !== '1') {
    process.stdout.write('Left out: what runs over interfaces. That takes Linux, root, and the commands unshare and ip.\n\n');
    return undefined;
  }
  const names = { server: 'bench-server', client: 'bench-client' };
  ip('link set lo up');
  ip(`link add ${names.server} type veth peer name ${names.client}`);
  for (const name of Object.values(names)) ip(`link set ${name} up`);
  return names;
}

module.exports = { makeVeth, namespace };
