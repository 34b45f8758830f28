// The conformance suite on catpowder over interfaces of Linux. It makes interfaces, and so it has to run in a network namespace of its own:
// catpowder.interfaces.test.ts sees to that.

import { IPV4, WITH_LINUX, linuxAt, vethPair, wakeKernel } from './catpowder';
import { conformance } from './suite';

wakeKernel();
conformance('catpowder opens, Linux takes, over TAP', linuxAt('server'), WITH_LINUX, { checks: false });
conformance('Linux opens, catpowder takes, over TAP', linuxAt('client'), WITH_LINUX, { checks: false });
conformance('catpowder at both ends of a veth pair', vethPair(), IPV4, { checks: false });
