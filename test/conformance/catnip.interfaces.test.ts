// The conformance suite on catnip over net_tap, with Linux at the other end.

import { hasDpdk } from './catnip';
import { testInNamespace } from './in-namespace';

testInNamespace('catnip.interfaces.ts', hasDpdk);
