// Catnip's rows of the conformance table: our own TCP/IP over DPDK. EAL is started once in a process, so all rows that run in one have the same
// arguments, and take their ports from what those make.

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

const WITH_TAP = [...EAL, '--vdev=net_tap0,iface=demi0'];

/** One end is the kernel, which a TAP interface of DPDK leads to. */
export function linuxBehindTap(end: 'client' | 'server'): Subject {
  const linux = { makeConfig: (): LibOSConfig => ({ libos: 'catnap' }), address: end === 'client' ? CLIENT : SERVER };
  const ours = end === 'client' ? SERVER : CLIENT;
  const catnip = { makeConfig: () => on(WITH_TAP, 'net_tap0', ours), address: ours };
  return {
    makeConfig: () => on(WITH_TAP, `ring:alone-${made++ % LONELY_CABLES}/0`, CLIENT),
    ends: {
      client: end === 'client' ? linux : catnip,
      server: end === 'server' ? linux : catnip,
      plug: () => {
        ip('addr flush dev demi0');
        ip(`addr add ${linux.address}/24 dev demi0`);
      },
    },
  };
}
