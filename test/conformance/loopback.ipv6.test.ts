// The conformance suite on loopback, IPv6.

import { IPV6, SOME, SUBJECT } from './loopback';
import { conformance } from './suite';

conformance('loopback, IPv6', SUBJECT, { ...IPV6, ...SOME }, { checks: false });
conformance('loopback, IPv6', SUBJECT, { ...IPV6, ...SOME }, { checks: true });
