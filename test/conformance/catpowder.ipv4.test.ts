// The conformance suite on catpowder, IPv4.

import { IPV4, makeConfig } from './catpowder';
import { conformance } from './suite';

conformance('catpowder, IPv4', makeConfig, IPV4, { checks: false });
conformance('catpowder, IPv4', makeConfig, IPV4, { checks: true });
