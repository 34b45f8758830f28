// The conformance suite on loopback, IPv4. The large amounts are tried here.

import { IPV4, makeConfig, MUCH, SOME } from './loopback';
import { conformance } from './suite';

conformance('loopback, IPv4', makeConfig, { ...IPV4, ...MUCH }, { checks: false });
conformance('loopback, IPv4', makeConfig, { ...IPV4, ...SOME }, { checks: true });
