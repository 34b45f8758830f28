// The conformance suite on catnap, IPv6.

import { IPV6, makeConfig } from './catnap';
import { conformance } from './suite';

conformance('catnap, IPv6', makeConfig, IPV6, { checks: false });
conformance('catnap, IPv6', makeConfig, IPV6, { checks: true });
