// The conformance suite on catpowder, IPv4: alone, and with both ends on a switch.

import { ALONE, HUB, IPV4 } from './catpowder';
import { conformance } from './suite';

conformance('catpowder, IPv4', ALONE, IPV4, { checks: false });
conformance('catpowder, IPv4', ALONE, IPV4, { checks: true });
conformance('catpowder, IPv4, both ends on a hub', HUB, IPV4, { checks: false });
