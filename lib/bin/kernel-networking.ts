// What the kernel gives to programs that make and take frames themselves: TAP, AF_PACKET, AF_XDP; and network namespaces.

import { linuxOnly, type Finding } from './finding';
import type { Machine } from './machine';
import type { Privileges } from './privileges';

/** What the rest of the report asks about it: each of them is why it cannot be used, or undefined if it can. */
export interface KernelNetworking {
  readonly findings: readonly Finding[];
  readonly tapProblem?: string;
  readonly packetProblem?: string;
}

const TUN = '/dev/net/tun';

function tapFinding(machine: Machine, privileges: Privileges): Finding {
  const topic = 'TAP';
  if (machine.resolve(TUN) === undefined) {
    return { topic, state: 'missing', found: `no ${TUN}`, todo: `modprobe tun, or give the container the device: --device ${TUN}` };
  }
  if (!machine.mayOpen(TUN)) return { topic, state: 'missing', found: `${TUN} may not be opened`, todo: `chmod 0666 ${TUN} (as root)` };
  if (privileges.has('CAP_NET_ADMIN')) return { topic, state: 'ok', found: TUN };
  return { topic, state: 'warning', found: `${TUN}, without CAP_NET_ADMIN`, todo: 'have an administrator make the interface: ip tuntap add NAME mode tap user USER' };
}

function packetFinding(machine: Machine, privileges: Privileges): Finding {
  const topic = 'AF_PACKET';
  if (!privileges.has('CAP_NET_RAW')) return { topic, state: 'missing', found: 'not allowed: no CAP_NET_RAW', todo: 'run as root, or give the program cap_net_raw' };
  // A module that is not loaded yet is loaded when it is asked for.
  if (machine.resolve('/proc/net/packet') === undefined) {
    return { topic, state: 'warning', found: 'no /proc/net/packet', todo: 'modprobe af_packet, or use a kernel with CONFIG_PACKET' };
  }
  return { topic, state: 'ok', found: 'packet sockets' };
}

function xdpFinding(machine: Machine, privileges: Privileges): Finding {
  const topic = 'AF_XDP';
  const isKnown = (machine.read('/proc/net/protocols') ?? '').split('\n').some((line) => line.startsWith('XDP '));
  if (!isKnown) return { topic, state: 'warning', found: 'this kernel has none', todo: 'for DPDK\'s net_af_xdp, use a kernel with CONFIG_XDP_SOCKETS' };
  if (privileges.has('CAP_NET_ADMIN') && privileges.has('CAP_NET_RAW')) return { topic, state: 'ok', found: 'XDP sockets' };
  return { topic, state: 'warning', found: 'XDP sockets, not for this user', todo: "DPDK's net_af_xdp needs CAP_NET_ADMIN and CAP_NET_RAW" };
}

function namespaceFinding(machine: Machine, privileges: Privileges): Finding {
  const topic = 'Network namespaces';
  if (!machine.list('/proc/self/ns').includes('net')) return { topic, state: 'warning', found: 'this kernel has none', todo: 'use a kernel with CONFIG_NET_NS' };
  if (privileges.has('CAP_SYS_ADMIN')) return { topic, state: 'ok', found: 'can be made' };
  const isOff = (path: string): boolean => machine.read(path)?.trim() === '0';
  if (isOff('/proc/sys/user/max_user_namespaces') || isOff('/proc/sys/kernel/unprivileged_userns_clone')) {
    return { topic, state: 'warning', found: 'not for this user, nor user namespaces', todo: 'run as root to try interfaces apart from the system\'s' };
  }
  return { topic, state: 'ok', found: 'within a user namespace: unshare --user --map-root-user --net' };
}

export function examineKernelNetworking(machine: Machine, privileges: Privileges): KernelNetworking {
  const topics = ['TAP', 'AF_PACKET', 'AF_XDP', 'Network namespaces'];
  if (machine.platform !== 'linux') return { findings: topics.map(linuxOnly), tapProblem: 'Linux only', packetProblem: 'Linux only' };
  const tap = tapFinding(machine, privileges);
  const packet = packetFinding(machine, privileges);
  return {
    findings: [tap, packet, xdpFinding(machine, privileges), namespaceFinding(machine, privileges)],
    ...(tap.state === 'ok' ? {} : { tapProblem: tap.found }),
    ...(packet.state === 'missing' ? { packetProblem: packet.found } : {}),
  };
}
