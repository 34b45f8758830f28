// The conformance suite on catnip over net_tap, with Linux at the other end.

import { hasDpdk } from './catnip';
import { testInOwnProcess } from './own-process';

testInOwnProcess('catnip.interfaces.ts', { needsNamespace: true, isReady: hasDpdk });
