// Network interfaces: driver, bus address, link and MTU of each, and whether DPDK could take it.

import { linuxOnly, type Finding } from './finding';
import type { Machine } from './machine';
import type { Vfio } from './vfio';

/** A network card that DPDK can drive as it is: bound to vfio-pci, or with a driver that DPDK shares with the kernel. */
export interface ReadyCard {
  readonly address: string;
  /** Why it cannot be opened, or undefined if it can. */
  readonly problem?: string;
}

/** What the rest of the report asks about interfaces. */
export interface Interfaces {
  readonly findings: readonly Finding[];
  /** Interfaces of Ethernet, which catpowder can join. */
  readonly ethernet: readonly string[];
  readonly ready: readonly ReadyCard[];
  /** Bus addresses of cards that could be bound to vfio-pci. */
  readonly bindable: readonly string[];
}

const CLASSES = '/sys/class/net';
const PCI_DEVICES = '/sys/bus/pci/devices';
const VFIO_DRIVER = '/sys/bus/pci/drivers/vfio-pci';
const PCI_ADDRESS = /^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/;
// linux/if_arp.h.
const ARPHRD_ETHER = '1';
const ARPHRD_LOOPBACK = '772';
// DPDK drives these through the kernel's driver, which keeps them.
const SHARED_DRIVERS = ['mlx4_core', 'mlx5_core', 'mana'];
// The class of a PCI device whose first byte is 2 is a network controller.
const NETWORK_CLASS = /^0x02/;

const lastOf = (path: string | undefined): string | undefined => path?.split('/').at(-1);

/** The PCI address that an interface has, if it is on that bus itself, or behind virtio. */
function pciAddress(device: string | undefined): string | undefined {
  const parts = device?.split('/') ?? [];
  if (/^virtio\d+$/.test(parts.at(-1) ?? '')) parts.pop();
  const last = parts.at(-1) ?? '';
  return PCI_ADDRESS.test(last) ? last : undefined;
}

/** The interface that the kernel sends by when no other route fits: whoever binds it loses the connection to the machine. */
function defaultRouteInterfaces(machine: Machine): string[] {
  const lines = (machine.read('/proc/net/route') ?? '').split('\n').map((line) => line.trim().split(/\s+/));
  return lines.filter(([, destination, , , , , , mask]) => destination === '00000000' && mask === '00000000').map(([name]) => name);
}

class InterfaceTable {
  readonly findings: Finding[] = [];
  readonly ethernet: string[] = [];
  readonly ready: ReadyCard[] = [];
  readonly bindable: string[] = [];

  constructor(
    private readonly machine: Machine,
    private readonly vfio: Vfio,
  ) {}

  addInterface(name: string, isDefaultRoute: boolean): void {
    const attribute = (file: string): string | undefined => this.machine.read(`${CLASSES}/${name}/${file}`)?.trim();
    const type = attribute('type');
    if (type === ARPHRD_LOOPBACK) return;
    if (type === ARPHRD_ETHER) this.ethernet.push(name);
    const device = this.machine.resolve(`${CLASSES}/${name}/device`);
    const driver = lastOf(this.machine.resolve(`${CLASSES}/${name}/device/driver`));
    const address = pciAddress(device);
    const link = attribute('operstate') ?? 'unknown';
    const place = device === undefined ? 'virtual' : `${driver ?? 'no driver'} at ${address ?? lastOf(device)}`;
    const [binding, todo] = this.binding(driver, address, isDefaultRoute);
    this.findings.push({
      topic: `Interface ${name}`,
      state: 'ok',
      found: `${place}, link ${link}, MTU ${attribute('mtu') ?? 'unknown'}; ${binding}`,
      ...(todo === undefined ? {} : { todo }),
    });
  }

  /** Whether it can be bound to vfio-pci, in words, and how. */
  private binding(driver: string | undefined, address: string | undefined, isDefaultRoute: boolean): [string, string?] {
    if (address === undefined) return ['vfio-pci: no, it is not on the PCI bus'];
    const pciDriver = lastOf(this.machine.resolve(`${PCI_DEVICES}/${address}/driver`)) ?? driver;
    if (pciDriver !== undefined && SHARED_DRIVERS.includes(pciDriver)) {
      this.ready.push({ address });
      return ['vfio-pci: not needed, DPDK works through this driver'];
    }
    const group = lastOf(this.machine.resolve(`${PCI_DEVICES}/${address}/iommu_group`));
    if (group === undefined && !this.vfio.isUnsafeAllowed) return ['vfio-pci: no, it has no IOMMU group'];
    if (isDefaultRoute) return ['vfio-pci: possible, but the default route goes there'];
    this.bindable.push(address);
    return ['vfio-pci: possible', `for catnip: dpdk-devbind.py --bind=vfio-pci ${address} (as root; the kernel loses the interface)`];
  }

  /** A card that is bound has no interface any more. */
  addBoundCard(address: string): void {
    if (!NETWORK_CLASS.test(this.machine.read(`${PCI_DEVICES}/${address}/class`) ?? '')) return;
    const group = lastOf(this.machine.resolve(`${PCI_DEVICES}/${address}/iommu_group`));
    const problem = group === undefined ? 'it has no IOMMU group' : this.vfio.problemWithGroup(group);
    this.ready.push({ address, ...(problem === undefined ? {} : { problem }) });
    const topic = `Card ${address}`;
    const found = `bound to vfio-pci, IOMMU group ${group ?? 'unknown'}`;
    if (problem === undefined) this.findings.push({ topic, state: 'ok', found });
    else this.findings.push({ topic, state: 'missing', found: `${found}; ${problem}`, todo: `chown USER /dev/vfio/${group ?? 'GROUP'} (as root)` });
  }
}

export function examineInterfaces(machine: Machine, vfio: Vfio): Interfaces {
  const nothing = { ethernet: [], ready: [], bindable: [] };
  if (machine.platform !== 'linux') return { findings: [linuxOnly('Interfaces')], ...nothing };
  const table = new InterfaceTable(machine, vfio);
  const defaults = defaultRouteInterfaces(machine);
  for (const name of machine.list(CLASSES)) {
    // bonding_masters is a file, and no interface.
    if (machine.resolve(`${CLASSES}/${name}/mtu`) !== undefined) table.addInterface(name, defaults.includes(name));
  }
  for (const name of machine.list(VFIO_DRIVER)) if (PCI_ADDRESS.test(name)) table.addBoundCard(name);
  if (table.findings.length === 0) {
    const isReadable = machine.resolve(CLASSES) !== undefined;
    table.findings.push({
      topic: 'Interfaces',
      state: isReadable ? 'warning' : 'missing',
      found: isReadable ? 'none beside the loopback' : `${CLASSES} cannot be read`,
      todo: isReadable ? 'for one to try: ip link add veth0 type veth peer name veth1 (as root)' : 'mount /sys to have them looked at',
    });
  }
  return table;
}
