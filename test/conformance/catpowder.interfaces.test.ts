// The conformance suite on catpowder over TAP and veth, with Linux at the other end and with our own.

import { testInNamespace } from './in-namespace';

testInNamespace('catpowder.interfaces.ts');
