// The conformance suite on catnap, IPv4.

import { IPV4, makeConfig } from './catnap';
import { conformance } from './suite';

conformance('catnap, IPv4', makeConfig, IPV4, { checks: false });
conformance('catnap, IPv4', makeConfig, IPV4, { checks: true });
