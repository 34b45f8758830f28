// The conformance suite on loopback.

import type { LibOSConfig } from '../../lib';
import { conformance } from './suite';

let made = 0;
// Each libOS is alone in its namespace, so that no test sees the names of another.
const makeConfig = (): LibOSConfig => ({ libos: 'loopback', loopback: { namespace: `conformance-${++made}` } });
const everything = { detectsDeadlock: true, fullBacklogWaits: true, largestPushBytes: 64 * 1024 * 1024, mostTokens: 1_000_000 };

conformance('loopback, IPv4', makeConfig, { family: 4, address: '127.0.0.1', foreignAddress: '192.0.2.1', ...everything });
conformance('loopback, IPv6', makeConfig, { family: 6, address: '::1', foreignAddress: '2001:db8::1', ...everything });
