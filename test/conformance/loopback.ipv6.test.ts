// The conformance suite on loopback, IPv6.

import { IPV6, makeConfig, SOME } from './loopback';
import { conformance } from './suite';

conformance('loopback, IPv6', makeConfig, { ...IPV6, ...SOME }, { checks: false });
conformance('loopback, IPv6', makeConfig, { ...IPV6, ...SOME }, { checks: true });
