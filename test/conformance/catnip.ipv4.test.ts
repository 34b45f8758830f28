// The conformance suite on catnip, IPv4: alone, and with both ends over DPDK, on a cable of rings and over shared memory.

import { ALONE, hasDpdk, MEMIF, RING } from './catnip';
import { IPV4 } from './catpowder';
import { conformance } from './suite';

if (hasDpdk) {
  conformance('catnip, IPv4', ALONE, IPV4, { checks: true });
  conformance('catnip, IPv4, both ends on a cable of rings', RING, IPV4, { checks: false });
  conformance('catnip, IPv4, both ends over memif', MEMIF, IPV4, { checks: false });
} else {
  test.skip('the conformance suite over DPDK', () => {});
}
