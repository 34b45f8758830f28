// The conformance suite on catnip, alone and with both ends over devices of DPDK that need no rights.

import { hasDpdk } from './catnip';
import { testInOwnProcess } from './own-process';

testInOwnProcess('catnip.devices.ts', { isReady: hasDpdk });
