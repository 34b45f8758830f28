'use strict';

// Networks that the ends of a benchmark meet on: for each, the configuration of the libOS at either end, and the addresses that the server is
// reached at. One more is one more function here; peers/demi-*.js take any.

const fs = require('node:fs');
const path = require('node:path');

const DPDK_PLUGIN = path.join(__dirname, '..', '..', '..', 'addon', 'build', 'Release', 'demi_dpdk.so');

// Addresses of the server, which has as many as connections need that cannot share one pair of addresses; or it is the client that has them.
const serverAddresses = (count) => Array.from({ length: count }, (_, n) => `10.77.0.${n === 0 ? 1 : n + 10}`);
const clientAddresses = (count) => Array.from({ length: count }, (_, n) => `10.77.0.${n === 0 ? 2 : n + 128}`);

function stacks(name, deviceOf, count, sources = 1) {
  const to = serverAddresses(count);
  const from = clientAddresses(sources);
  const ends = { server: to, client: from };
  const configOf = (role) => ({ libos: 'catpowder', device: deviceOf(role), inet: { addresses: ends[role].map((address) => `${address}/24`) } });
  return { name, server: configOf('server'), client: configOf('client'), to, ...(sources > 1 ? { from } : {}) };
}

/** The kernel's sockets on 127/8. `sharesPort` is the option by which several servers listen on one port. */
function catnap(count = 1) {
  const config = { libos: 'catnap' };
  return { name: 'catnap', server: config, client: config, to: Array.from({ length: count }, (_, n) => `127.0.0.${n + 1}`), sharesPort: 'SO_REUSEPORT' };
}

/** Memory of one thread: both ends in one process. */
function loopback(count = 1) {
  const config = { libos: 'loopback' };
  return { name: 'loopback', server: config, client: config, to: serverAddresses(count), oneThread: true };
}

/** Our TCP/IP on a switch in memory: both ends in one process. */
function hub(count = 1) {
  return { ...stacks('catpowder, hub', () => ({ hub: 'bench' }), count), oneThread: true };
}

/** Our TCP/IP over a veth pair, whose ends namespace.js has made; undefined where it could not. */
function veth(interfaces, count = 1) {
  return interfaces && stacks('catpowder, veth', (role) => ({ interface: interfaces[role] }), count);
}

/** Where two processes meet that have memory in common: a name, and no file. */
const memifSocket = (name) => `/demi-bench-${name}-${process.pid}`;

/** Our TCP/IP over DPDK, by shared memory between two processes, with so many addresses of the client; undefined where the plug-in was not built. */
function memif(sources = 1) {
  if (!fs.existsSync(DPDK_PLUGIN)) return undefined;
  const made = stacks('catnip, memif', () => undefined, 1, sources);
  const eal = (role) => ['--no-huge', '--no-pci', `--vdev=net_memif0,role=${role},socket=${memifSocket('catnip')}`];
  const over = (role) => ({ ...made[role], libos: 'catnip', device: undefined, dpdk: { eal: eal(role), port: 'net_memif0' } });
  return { ...made, server: over('server'), client: over('client') };
}

/** What one end is told of its network on its command line. */
function networkArguments(network, role) {
  const from = role === 'client' && network.from ? [`from=${network.from.join(',')}`] : [];
  return [`config=${JSON.stringify(network[role])}`, `to=${network.to.join(',')}`, ...from];
}

/** What the client without JavaScript is told of its end: it speaks over DPDK alone. */
function nativeArguments({ client, to }) {
  const { dpdk, inet } = client;
  const msl = inet.tcp?.msl === undefined ? [] : [`msl=${inet.tcp.msl}`];
  const from = inet.addresses.map((address) => address.split('/')[0]);
  return [`plugin=${DPDK_PLUGIN}`, `device=${dpdk.port}`, `eal=${dpdk.eal.join(' ')}`, `to=${to[0]}`, `from=${from.join(',')}`, ...msl];
}

module.exports = { catnap, hub, loopback, memif, memifSocket, nativeArguments, networkArguments, veth };
