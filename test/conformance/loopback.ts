// Loopback's row of the conformance table.

import type { Capabilities, Subject } from './context';

let made = 0;
// Each libOS is alone in its namespace, so that no test sees the names of another.
export const SUBJECT: Subject = { makeConfig: () => ({ libos: 'loopback', loopback: { namespace: `conformance-${++made}` } }) };

const EVERYWHERE = { detectsDeadlock: true, fullBacklogWaits: true, hasNetwork: false };
// Every unicast address is loopback's own; no socket can have a multicast address as its end.
export const IPV4 = { family: 4, address: '127.0.0.1', foreignAddress: '224.0.0.1', ...EVERYWHERE } as const;
export const IPV6 = { family: 6, address: '::1', foreignAddress: 'ff02::1', ...EVERYWHERE } as const;

/** How much is tried. What only takes long is tried once, and not in every variant. */
type Amounts = Pick<Capabilities, 'largestPushBytes' | 'mostTokens' | 'manyPushes'>;
export const SOME: Amounts = { largestPushBytes: 4 * 1024 * 1024, mostTokens: 10_000, manyPushes: 20_000 };
export const MUCH: Amounts = { largestPushBytes: 64 * 1024 * 1024, mostTokens: 1_000_000, manyPushes: 1_000_000 };
