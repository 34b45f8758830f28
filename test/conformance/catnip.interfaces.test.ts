// The conformance suite on catnip over net_tap and net_af_packet, with Linux at the other end.

import { hasDpdk } from './catnip';
import { testInOwnProcess } from './own-process';

testInOwnProcess('catnip.interfaces.ts', { needsNamespace: true, isReady: hasDpdk });
