// The conformance suite on catnip with the kernel at the other end, in a network namespace: catnip.interfaces.test.ts sees to that.

import { layVeth, linuxBehindTap, linuxBehindVeth } from './catnip';
import { WITH_LINUX, wakeKernel } from './catpowder';
import { conformance } from './suite';

wakeKernel();
layVeth();
conformance('catnip opens, Linux takes, over net_tap', linuxBehindTap('server'), WITH_LINUX, { checks: false });
conformance('Linux opens, catnip takes, over net_tap', linuxBehindTap('client'), WITH_LINUX, { checks: false });
conformance('catnip opens, Linux takes, over net_af_packet', linuxBehindVeth('server'), WITH_LINUX, { checks: false });
conformance('Linux opens, catnip takes, over net_af_packet', linuxBehindVeth('client'), WITH_LINUX, { checks: false });
