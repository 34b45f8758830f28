// Catpowder's rows of the conformance table: our own TCP/IP. Alone it talks to itself, which no frame leaves; with two ends everything goes over
// a wire, and at the other end is one of ours, or the kernel.

import { execFileSync } from 'node:child_process';

import type { LibOSConfig } from '../../lib';
import type { Subject } from './context';
import { SOME } from './loopback';

// 192.0.2.0/24 is for documentation (RFC 5737): there is no route to it. Nobody is at 10.77.0.3.
export const [CLIENT, SERVER, NOBODY] = ['10.77.0.2', '10.77.0.1', '10.77.0.3'];

/** What a full backlog drops is sent again so soon that no test waits for it, and for long enough to hear that nobody is there. */
export const inetAt = (address: string): LibOSConfig['inet'] => ({ addresses: [`${address}/24`], tcp: { rtoInitialMs: 20, rtoMinMs: 5, synRetries: 12 } });
const on = (device: LibOSConfig['device'], address: string): LibOSConfig => ({ libos: 'catpowder', device, inet: inetAt(address) });

let made = 0;
const makeConfig = (): LibOSConfig => on({ hub: `conformance-${++made}` }, CLIENT);

export const ALONE: Subject = { makeConfig };

/** Both ends are ours, on an in-memory switch. */
export const HUB: Subject = {
  makeConfig,
  ends: {
    client: { makeConfig, address: CLIENT },
    server: { makeConfig: () => on({ hub: `conformance-${made}` }, SERVER), address: SERVER },
  },
};

export const ip = (command: string): void => void execFileSync('ip', command.split(' '), { stdio: 'pipe' });

/** What the kernel says to itself goes over lo, errors about those who cannot be reached included. */
export const wakeKernel = (): void => ip('link set lo up');

/** Both ends are ours, on the two interfaces of a veth pair of Linux; makes it. */
export function vethPair(): Subject {
  ip('link add client type veth peer name server');
  for (const name of ['client', 'server']) ip(`link set ${name} up`);
  return {
    makeConfig,
    ends: {
      client: { makeConfig: () => on({ interface: 'client' }, CLIENT), address: CLIENT },
      server: { makeConfig: () => on({ interface: 'server' }, SERVER), address: SERVER },
    },
  };
}

/** One end is the kernel, which a TAP interface leads to. */
export function linuxAt(end: 'client' | 'server'): Subject {
  const linux = { makeConfig: (): LibOSConfig => ({ libos: 'catnap' }), address: end === 'client' ? CLIENT : SERVER };
  const ours = end === 'client' ? SERVER : CLIENT;
  const tap = { makeConfig: (): LibOSConfig => on({ tap: 'demi0' }, ours), address: ours };
  return {
    makeConfig,
    ends: {
      client: end === 'client' ? linux : tap,
      server: end === 'server' ? linux : tap,
      plug: () => ip(`addr add ${linux.address}/24 dev demi0`),
    },
  };
}

// Timers of TCP may be all that goes on, and a wait does not know that none of them completes its operation. One datagram is one packet. What
// the cases push has to be more than a connection holds.
const EVERYWHERE = {
  detectsDeadlock: false, fullBacklogWaits: true, hasNetwork: true, deliversLater: true, bufferBytes: 64 * 1024, largestDatagramBytes: 1472, ...SOME,
};
export const IPV4 = { family: 4, address: CLIENT, foreignAddress: '192.0.2.1', unreachableAddress: NOBODY, ...EVERYWHERE } as const;
/**
 * The kernel sends again what a full backlog dropped after a second only, and finds after three that nobody is there. Its part of the work is done whenever it
 * gets to it.
 */
export const WITH_LINUX = { ...IPV4, fullBacklogWaits: false, quietMs: 25 } as const;
