'use strict';

// Networks that the ends of a benchmark meet on: for each, the configuration of the libOS at either end, and the addresses that the server is
// reached at. One more is one more function here; peers/demi-*.js take any.

const fs = require('node:fs');
const path = require('node:path');

const CLIENT = '10.77.0.2';
// Addresses of the server, which has as many as connections need that cannot share one pair of addresses.
const serverAddresses = (count) => Array.from({ length: count }, (_, n) => `10.77.0.${n === 0 ? 1 : n + 10}`);

function stacks(name, deviceOf, count) {
  const to = serverAddresses(count);
  const ends = { server: to.map((address) => `${address}/24`), client: [`${CLIENT}/24`] };
  const configOf = (role) => ({ libos: 'catpowder', device: deviceOf(role), inet: { addresses: ends[role] } });
  return { name, server: configOf('server'), client: configOf('client'), to };
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

/** Our TCP/IP over DPDK, by shared memory between two processes; undefined where the plug-in was not built. */
function memif(count = 1) {
  if (!fs.existsSync(path.join(__dirname, '..', '..', '..', 'addon', 'build', 'Release', 'demi_dpdk.so'))) return undefined;
  const made = stacks('catnip, memif', () => undefined, count);
  const eal = (role) => ['--no-huge', '--no-pci', '-m', '1024', `--vdev=net_memif0,role=${role},socket=/demi-bench-${process.pid}`];
  const over = (role) => ({ ...made[role], libos: 'catnip', device: undefined, dpdk: { eal: eal(role), port: 'net_memif0' } });
  return { ...made, server: over('server'), client: over('client') };
}

/** What one end is told of its network on its command line. */
function networkArguments(network, role) {
  return [`config=${JSON.stringify(network[role])}`, `to=${network.to.join(',')}`];
}

module.exports = { catnap, hub, loopback, memif, networkArguments, veth };
