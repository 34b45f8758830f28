// The conformance suite on catnip, IPv4: alone, and with both ends over DPDK, on a cable of rings and over shared memory. catnip.devices.test.ts runs it.

import { ALONE, MEMIF, RING } from './catnip';
import { IPV4 } from './catpowder';
import { conformance } from './suite';

conformance('catnip, IPv4', ALONE, IPV4, { checks: true });
conformance('catnip, IPv4, both ends on a cable of rings', RING, IPV4, { checks: false });
conformance('catnip, IPv4, both ends over memif', MEMIF, IPV4, { checks: false });
