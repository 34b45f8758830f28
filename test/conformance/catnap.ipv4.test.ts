// The conformance suite on catnap, IPv4.

import { IPV4, SUBJECT } from './catnap';
import { conformance } from './suite';

conformance('catnap, IPv4', SUBJECT, IPV4, { checks: false });
conformance('catnap, IPv4', SUBJECT, IPV4, { checks: true });
