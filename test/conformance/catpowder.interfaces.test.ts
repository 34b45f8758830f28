// The conformance suite on catpowder over TAP and veth, with Linux at the other end and with our own.

import { testInOwnProcess } from './own-process';

testInOwnProcess('catpowder.interfaces.ts', { needsNamespace: true });
