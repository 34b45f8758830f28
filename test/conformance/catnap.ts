// Catnap's row of the conformance table: the kernel's sockets on this machine's own addresses.

import type { Subject } from './context';
import { SOME } from './loopback';

export const SUBJECT: Subject = { makeConfig: () => ({ libos: 'catnap' }) };

// The kernel alone knows whether a connect will ever be answered, and retries one that a full backlog dropped after a second. Its own
// choice of buffers is several megabytes.
const EVERYWHERE = { detectsDeadlock: false, fullBacklogWaits: false, hasNetwork: false, bufferBytes: 64 * 1024, ...SOME };
// Addresses for documentation (RFC 5737, RFC 3849): no machine has them.
export const IPV4 = { family: 4, address: '127.0.0.1', foreignAddress: '192.0.2.1', ...EVERYWHERE } as const;
export const IPV6 = { family: 6, address: '::1', foreignAddress: '2001:db8::1', ...EVERYWHERE } as const;
