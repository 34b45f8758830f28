// The conformance suite on catnap, IPv6.

import { IPV6, SUBJECT } from './catnap';
import { conformance } from './suite';

conformance('catnap, IPv6', SUBJECT, IPV6, { checks: false });
conformance('catnap, IPv6', SUBJECT, IPV6, { checks: true });
