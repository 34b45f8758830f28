// The conformance suite on loopback, IPv4. The large amounts are tried here.

import { IPV4, MUCH, SOME, SUBJECT } from './loopback';
import { conformance } from './suite';

conformance('loopback, IPv4', SUBJECT, { ...IPV4, ...MUCH }, { checks: false });
conformance('loopback, IPv4', SUBJECT, { ...IPV4, ...SOME }, { checks: true });
