// Catnip's rows of the conformance table: our own TCP/IP over DPDK. EAL is started once in a process, so all rows that run in one have the same
// arguments, and take their ports from what those make.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

import { DPDK_PLUGIN } from '../../lib/native/binding';
import type { LibOSConfig } from '../../lib';
import { CLIENT, inetAt, ip, SERVER } from './catpowder';
import type { Subject } from './context';

/** Whether there is DPDK here; what has to run fails without. */
export const hasDpdk = process.env['DEMI_REQUIRE_ALL'] === '1' || existsSync(DPDK_PLUGIN);

const EAL = ['--no-huge', '--no-pci', '-m', '1536'];
const on = (eal: string[], port: string, address: string): LibOSConfig => ({ libos: 'catnip', dpdk: { eal, port }, inet: inetAt(address) });

// Both ends of memif in one process, the server's and the client's, which meet at a name and not at a file.
const socket = `/demi-conformance-${process.pid}`;
const IN_MEMORY = [...EAL, `--vdev=net_memif0,role=server,socket=${socket}`, `--vdev=net_memif1,role=client,socket=${socket}`];

// DPDK has 32 ports in all, and none of them goes away: who is alone gets one that is free by now.
const LONELY_CABLES = 8;
let made = 0;
const makeConfig = (): LibOSConfig => on(IN_MEMORY, `ring:alone-${made++ % LONELY_CABLES}/0`, CLIENT);

export const ALONE: Subject = { makeConfig };

/** Both ends are ours, on a cable of rings. */
export const RING: Subject = {
  makeConfig,
  ends: {
    client: { makeConfig: () => on(IN_MEMORY, 'ring:both/0', CLIENT), address: CLIENT },
    server: { makeConfig: () => on(IN_MEMORY, 'ring:both/1', SERVER), address: SERVER },
  },
};

/** Both ends are ours, over shared memory. */
export const MEMIF: Subject = {
  makeConfig,
  ends: {
    client: { makeConfig: () => on(IN_MEMORY, 'net_memif1', CLIENT), address: CLIENT },
    server: { makeConfig: () => on(IN_MEMORY, 'net_memif0', SERVER), address: SERVER },
  },
};

const INTERFACES = [...EAL, '--vdev=net_tap0,iface=demi0', '--vdev=net_af_packet0,iface=demi2'];

/**
 * Makes a pair of interfaces before EAL looks for the second: demi1 is the kernel's, and finishes its checksums, for net_af_packet passes on no word that they
 * are not finished (`ethtool -K demi1 tx off`).
 */
export function layVeth(): void {
  ip('link add demi1 type veth peer name demi2');
  for (const name of ['demi1', 'demi2']) ip(`link set ${name} up`);
  const [SIOCETHTOOL, ETHTOOL_STXCSUM] = [0x8946, 0x17];
  const program = `import array, fcntl, socket, struct
value = array.array('B', struct.pack('II', ${ETHTOOL_STXCSUM}, 0))
fcntl.ioctl(socket.socket(), ${SIOCETHTOOL}, struct.pack('16sP', b'demi1', value.buffer_info()[0]))`;
  execFileSync('python3', ['-c', program], { stdio: 'pipe' });
}

/** One end is the kernel, which that interface of its own leads to. */
function linuxBehind(kernels: string, port: string, end: 'client' | 'server'): Subject {
  const linux = { makeConfig: (): LibOSConfig => ({ libos: 'catnap' }), address: end === 'client' ? CLIENT : SERVER };
  const ours = end === 'client' ? SERVER : CLIENT;
  const catnip = { makeConfig: () => on(INTERFACES, port, ours), address: ours };
  return {
    makeConfig: () => on(INTERFACES, `ring:alone-${made++ % LONELY_CABLES}/0`, CLIENT),
    ends: {
      client: end === 'client' ? linux : catnip,
      server: end === 'server' ? linux : catnip,
      plug: () => {
        for (const name of ['demi0', 'demi1']) ip(`addr flush dev ${name}`);
        ip(`addr add ${linux.address}/24 dev ${kernels}`);
      },
    },
  };
}

/** A TAP interface of DPDK leads to the kernel. */
export const linuxBehindTap = (end: 'client' | 'server'): Subject => linuxBehind('demi0', 'net_tap0', end);
/** A veth pair does; layVeth() makes it. */
export const linuxBehindVeth = (end: 'client' | 'server'): Subject => linuxBehind('demi1', 'net_af_packet0', end);
