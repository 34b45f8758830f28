// The processor: how many CPUs, whether some are kept free of other work, and what x86 has to have.

import { fieldOf, linuxOnly, type Finding } from './finding';
import type { Machine } from './machine';

/** What the rest of the report asks about the processor. */
export interface Processor {
  readonly findings: readonly Finding[];
  readonly vendor: 'intel' | 'amd' | 'other';
  /** Whether it has what DPDK is compiled for; unknown counts as yes. */
  readonly runsDpdk: boolean;
}

function countFinding(machine: Machine): Finding {
  const found = `${machine.cpus} CPU${machine.cpus === 1 ? '' : 's'} for this process, ${machine.arch}`;
  if (machine.cpus > 1) return { topic: 'CPUs', state: 'ok', found };
  return { topic: 'CPUs', state: 'warning', found, todo: "poll: 'sleep' leaves the one CPU to others while nothing arrives" };
}

function isolationFinding(machine: Machine): Finding {
  const topic = 'Isolated CPUs';
  const isolated = machine.read('/sys/devices/system/cpu/isolated')?.trim();
  if (isolated === undefined) return { topic, state: 'warning', found: '/sys/devices/system/cpu/isolated cannot be read', todo: 'mount /sys to have it looked at' };
  if (isolated !== '') return { topic, state: 'ok', found: `CPUs ${isolated}: choose one with 'affinity'` };
  return { topic, state: 'warning', found: 'none', todo: 'for the steadiest latency start Linux with isolcpus=LIST nohz_full=LIST' };
}

function clockFinding(flags: readonly string[]): Finding {
  const topic = 'Time stamp counter';
  const wanted = ['constant_tsc', 'nonstop_tsc'];
  const absent = wanted.filter((flag) => !flags.includes(flag));
  if (absent.length === 0) return { topic, state: 'ok', found: wanted.join(', ') };
  return { topic, state: 'warning', found: `no ${absent.join(', no ')}`, todo: 'reading the clock takes a system call: let the hypervisor pass the host\'s counter through' };
}

function instructionFinding(flags: readonly string[]): Finding {
  const topic = 'Instructions';
  const notable = ['sse4_2', 'avx2', 'avx512f', 'aes', 'pclmulqdq', 'pdpe1gb'].filter((flag) => flags.includes(flag));
  if (notable.includes('sse4_2')) return { topic, state: 'ok', found: notable.join(', ') };
  return { topic, state: 'missing', found: 'no sse4_2, which DPDK needs', todo: 'give the virtual machine the CPU model of its host' };
}

export function examineProcessor(machine: Machine): Processor {
  const count = countFinding(machine);
  if (machine.platform !== 'linux') return { findings: [count, linuxOnly('Isolated CPUs')], vendor: 'other', runsDpdk: true };
  const cpuinfo = machine.read('/proc/cpuinfo');
  const flags = fieldOf(cpuinfo, 'flags')?.split(' ');
  const maker = fieldOf(cpuinfo, 'vendor_id');
  const findings = [count, isolationFinding(machine)];
  // Other architectures have a counter that does not stop, and no flags of this name.
  if (flags !== undefined) findings.push(clockFinding(flags), instructionFinding(flags));
  return {
    findings,
    vendor: maker === 'GenuineIntel' ? 'intel' : maker === 'AuthenticAMD' ? 'amd' : 'other',
    runsDpdk: flags?.includes('sse4_2') ?? true,
  };
}
