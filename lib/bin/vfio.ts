// VFIO: what lets a program drive a device of the PCI bus: an IOMMU, the module vfio-pci, and the files in /dev/vfio.

import { linuxOnly, type Finding } from './finding';
import type { Machine } from './machine';
import type { Processor } from './processor';

/** What the rest of the report asks about VFIO. */
export interface Vfio {
  readonly findings: readonly Finding[];
  /** Whether a device can be bound to vfio-pci without its IOMMU: allowed by whoever runs the machine, and not safe. */
  readonly isUnsafeAllowed: boolean;
  /** Why a device of that group cannot be opened, or undefined if it can. */
  problemWithGroup(group: string): string | undefined;
}

const NO_IOMMU = '/sys/module/vfio/parameters/enable_unsafe_noiommu_mode';

function iommuFinding(machine: Machine, processor: Processor, isUnsafeAllowed: boolean): Finding {
  const topic = 'IOMMU';
  const groups = machine.list('/sys/kernel/iommu_groups').length;
  if (groups > 0) return { topic, state: 'ok', found: `${groups} groups` };
  if (isUnsafeAllowed) return { topic, state: 'warning', found: 'none, and VFIO may do without: a device can reach all memory', todo: 'where there is an IOMMU, switch it on' };
  if (machine.resolve('/sys/kernel') === undefined) return { topic, state: 'missing', found: '/sys cannot be read', todo: 'mount /sys to have it looked at' };
  const name = { intel: 'VT-d', amd: 'AMD-Vi', other: 'the IOMMU' }[processor.vendor];
  const parameters = processor.vendor === 'intel' ? 'intel_iommu=on iommu=pt' : 'iommu=pt';
  const todo = `switch on ${name} in the firmware and start Linux with ${parameters}; a virtual machine needs a virtual IOMMU, or, without its safety, echo 1 > ${NO_IOMMU}`;
  return { topic, state: 'missing', found: 'no groups', todo };
}

export function examineVfio(machine: Machine, processor: Processor): Vfio {
  if (machine.platform !== 'linux') {
    return { findings: ['IOMMU', 'vfio-pci', '/dev/vfio'].map(linuxOnly), isUnsafeAllowed: false, problemWithGroup: () => 'Linux only' };
  }
  const isUnsafeAllowed = machine.read(NO_IOMMU)?.trim() === 'Y';
  const findings = [iommuFinding(machine, processor, isUnsafeAllowed)];

  const isLoaded = machine.resolve('/sys/bus/pci/drivers/vfio-pci') !== undefined;
  if (isLoaded) findings.push({ topic: 'vfio-pci', state: 'ok', found: 'loaded' });
  else findings.push({ topic: 'vfio-pci', state: 'missing', found: 'not loaded', todo: 'modprobe vfio-pci (as root)' });

  const problemWithGroup = (group: string): string | undefined => {
    const file = [`/dev/vfio/${group}`, `/dev/vfio/noiommu-${group}`].find((path) => machine.resolve(path) !== undefined);
    if (file === undefined) return `no /dev/vfio/${group}`;
    return machine.mayOpen(file) && machine.mayOpen('/dev/vfio/vfio') ? undefined : `${file} may not be opened`;
  };
  const topic = '/dev/vfio';
  const groups = machine.list('/dev/vfio').filter((name) => /\d+$/.test(name));
  const closed = groups.filter((name) => !machine.mayOpen(`/dev/vfio/${name}`));
  if (machine.resolve('/dev/vfio/vfio') === undefined) {
    findings.push({ topic, state: 'missing', found: 'no /dev/vfio/vfio', todo: 'modprobe vfio-pci (as root), or give the container /dev/vfio' });
  } else if (groups.length === 0) {
    findings.push({ topic, state: 'warning', found: 'no device is bound', todo: 'see the interfaces below for what can be bound' });
  } else if (closed.length > 0) {
    findings.push({ topic, state: 'missing', found: `groups ${groups.join(', ')}; ${closed.join(', ')} not for this user`, todo: `chown USER /dev/vfio/${closed[0]} (as root)` });
  } else findings.push({ topic, state: 'ok', found: `groups ${groups.join(', ')}` });
  return { findings, isUnsafeAllowed, problemWithGroup };
}
