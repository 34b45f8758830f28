// Catpowder's row of the conformance table: our own TCP/IP, each libOS alone on a hub of its own, so that it talks to itself.

import type { LibOSConfig } from '../../lib';
import { SOME } from './loopback';

let made = 0;
export const makeConfig = (): LibOSConfig => ({
  libos: 'catpowder',
  device: { hub: `conformance-${++made}` },
  // What a full backlog drops is sent again so soon that no test waits for it, and for long enough to hear that nobody is there.
  inet: { addresses: ['10.77.0.2/24'], tcp: { rtoInitialMs: 20, rtoMinMs: 5, synRetries: 12 } },
});

// Timers of TCP may be all that goes on, and a wait does not know that none of them completes its operation. One datagram is one packet. What
// the cases push has to be more than a connection holds.
const EVERYWHERE = {
  detectsDeadlock: false, fullBacklogWaits: true, hasNetwork: true, deliversLater: true, bufferBytes: 64 * 1024, largestDatagramBytes: 1472, ...SOME,
};
// 192.0.2.0/24 is for documentation (RFC 5737): there is no route to it. Nobody is at 10.77.0.3.
export const IPV4 = { family: 4, address: '10.77.0.2', foreignAddress: '192.0.2.1', unreachableAddress: '10.77.0.3', ...EVERYWHERE } as const;
