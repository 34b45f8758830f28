// Privileges: which capabilities this process has, and how much memory it may lock.

import { fieldOf, linuxOnly, type Finding } from './finding';
import type { Machine } from './machine';

// Bit numbers of linux/capability.h, and what needs each.
const CAPABILITIES = {
  CAP_NET_ADMIN: { bit: 12, need: 'making a TAP interface' },
  CAP_NET_RAW: { bit: 13, need: 'packet sockets: catpowder on an interface, and DPDK\'s net_af_packet' },
  CAP_IPC_LOCK: { bit: 14, need: 'memory for a NIC above RLIMIT_MEMLOCK' },
  CAP_SYS_ADMIN: { bit: 21, need: 'network namespaces' },
} as const;

/** A capability that the doctor looks at. */
export type Capability = keyof typeof CAPABILITIES;

/** What the rest of the report asks about privileges. */
export interface Privileges {
  readonly findings: readonly Finding[];
  has(capability: Capability): boolean;
  /** Bytes that this process may lock: Infinity if there is no limit. */
  readonly lockableBytes: number;
}

const MEBIBYTE = 1024 * 1024;
/** VFIO locks all memory that a NIC can reach; less than this holds no pool of packets. */
export const LOCKED_BYTES_NEEDED = 64 * MEBIBYTE;

function lockableBytes(machine: Machine): number | undefined {
  const line = (machine.read('/proc/self/limits') ?? '').split('\n').find((one) => one.startsWith('Max locked memory'));
  const [soft] = line?.slice('Max locked memory'.length).trim().split(/\s+/) ?? [];
  return soft === undefined ? undefined : soft === 'unlimited' ? Infinity : Number(soft);
}

export function examinePrivileges(machine: Machine): Privileges {
  const names = Object.keys(CAPABILITIES) as Capability[];
  if (machine.platform !== 'linux') {
    return { findings: [...names.map(linuxOnly), linuxOnly('RLIMIT_MEMLOCK')], has: () => false, lockableBytes: 0 };
  }
  const effective = fieldOf(machine.read('/proc/self/status'), 'CapEff');
  const bits = effective !== undefined && /^[0-9a-f]+$/.test(effective) ? BigInt(`0x${effective}`) : 0n;
  const has = (name: Capability): boolean => ((bits >> BigInt(CAPABILITIES[name].bit)) & 1n) === 1n;

  const findings = names.map((topic): Finding => {
    if (has(topic)) return { topic, state: 'ok', found: 'yes' };
    const flag = `${topic.toLowerCase()}+ep`;
    return { topic, state: 'missing', found: `no; it is for ${CAPABILITIES[topic].need}`, todo: `run as root, or setcap ${flag} on a copy of ${machine.execPath}` };
  });

  const lockable = has('CAP_IPC_LOCK') ? Infinity : lockableBytes(machine);
  const topic = 'RLIMIT_MEMLOCK';
  if (lockable === undefined) findings.push({ topic, state: 'warning', found: '/proc/self/limits cannot be read', todo: 'mount /proc to have it looked at' });
  else if (lockable === Infinity) findings.push({ topic, state: 'ok', found: has('CAP_IPC_LOCK') ? 'no limit, because of CAP_IPC_LOCK' : 'no limit' });
  else {
    const found = `${Math.floor(lockable / MEBIBYTE)} MiB`;
    if (lockable >= LOCKED_BYTES_NEEDED) findings.push({ topic, state: 'ok', found });
    else findings.push({ topic, state: 'warning', found, todo: 'for catnip with a NIC: ulimit -l unlimited, or memlock in /etc/security/limits.conf' });
  }
  return { findings, has, lockableBytes: lockable ?? 0 };
}
