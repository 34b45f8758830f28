// Other machines for the tests of the doctor: each is its files, links and commands, and nothing of the machine that the tests run on.

import { posix } from 'node:path';

import type { Machine } from '../../../lib/bin/machine';

export const FOLDER = '/srv/app/node_modules/demi-io';
const NODE = '/usr/bin/node';

export interface Parts {
  platform?: string;
  versions?: { node: string; napi: string };
  cpus?: number;
  /** Path -> text; the folders above it are there, too. */
  files?: Record<string, string>;
  /** Path -> where it leads. What lies below it lies there. */
  links?: Record<string, string>;
  /** Files that this user may not open. */
  closed?: string[];
  /** Program and arguments, with blanks between them -> what it prints. */
  commands?: Record<string, string>;
  /** What becomes of libOSes that are tried; undefined if the addon does not load. */
  trial?: Record<string, string>;
}

export function makeMachine(parts: Parts): Machine {
  const { files = {}, links = {}, closed = [], commands = {} } = parts;
  const resolve = (path: string): string | undefined => {
    const link = Object.keys(links).find((one) => path === one || path.startsWith(`${one}/`));
    if (link !== undefined) return resolve(links[link] + path.slice(link.length));
    const all = [...Object.keys(files), ...Object.values(links)];
    return all.some((one) => one === path || one.startsWith(`${path}/`)) || Object.keys(links).some((one) => one.startsWith(`${path}/`)) ? path : undefined;
  };
  return {
    platform: parts.platform ?? 'linux',
    arch: 'x64',
    versions: parts.versions ?? { node: '22.1.0', napi: '9' },
    execPath: NODE,
    cpus: parts.cpus ?? 8,
    read: (path) => files[resolve(path) ?? ''],
    list: (path) => {
      const all = [...Object.keys(files), ...Object.keys(links), ...Object.values(links)];
      const below = all.map((one) => posix.relative(path, one)).filter((one) => one !== '' && !one.startsWith('..'));
      return [...new Set(below.map((one) => one.split('/')[0]))].sort();
    },
    resolve,
    mayOpen: (path) => resolve(path) !== undefined && !closed.includes(path),
    run: (program, args) => {
      if (program === NODE && args[0] === '-e') return parts.trial === undefined ? undefined : JSON.stringify(parts.trial);
      return commands[[program, ...args].join(' ')];
    },
  };
}

const limits = (locked: string): string => `Limit                     Soft Limit           Hard Limit           Units     
Max file size             unlimited            unlimited            bytes     
Max locked memory         ${locked.padEnd(20)} ${locked.padEnd(20)} bytes     
`;
const cpuinfo = (vendor: string, flags: string): string => `processor\t: 0\nvendor_id\t: ${vendor}\nflags\t\t: ${flags}\n\nprocessor\t: 1\nvendor_id\t: ${vendor}\nflags\t\t: ${flags}\n`;
const meminfo = (total: number, free: number): string =>
  `MemTotal:       16000000 kB\nHugePages_Total:   ${total}\nHugePages_Free:    ${free}\nHugepagesize:       2048 kB\n`;
const status = (capabilities: string): string => `Name:\tnode\nCapPrm:\t${capabilities}\nCapEff:\t${capabilities}\nCapBnd:\t000001ffffffffff\n`;
const route = (...names: string[]): string =>
  `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n${names.map((name) => `${name}\t00000000\t0100A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\nveth9\t0000A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n`).join('')}`;
const PROTOCOLS = 'protocol  size sockets  memory press maxhdr  slab module\nXDP       1024      0      -1   NI       0   no   kernel\nTCP       2304     12       5   no     320   yes  kernel\n';

function interfaceFiles(name: string, { type = 1, mtu = 1500, state = 'up' }): Record<string, string> {
  const folder = `/sys/class/net/${name}`;
  return { [`${folder}/type`]: `${type}\n`, [`${folder}/mtu`]: `${mtu}\n`, [`${folder}/operstate`]: `${state}\n` };
}

/** The links of an interface with a driver of its own on the PCI bus, with an IOMMU group or without. */
function pciLinks(name: string, address: string, driver: string, group?: string): Record<string, string> {
  const device = `/sys/devices/pci0000:00/${address}`;
  return {
    [`/sys/class/net/${name}/device`]: device,
    [`${device}/driver`]: `/sys/bus/pci/drivers/${driver}`,
    [`/sys/bus/pci/devices/${address}/driver`]: `/sys/bus/pci/drivers/${driver}`,
    ...(group === undefined ? {} : { [`/sys/bus/pci/devices/${address}/iommu_group`]: `/sys/kernel/iommu_groups/${group}` }),
  };
}

const ALL_RIGHTS = '000001ffffffffff';
const NO_RIGHTS = '0000000000000000';
const ALL_RUN = { loopback: '', catnap: '', catpowder: '' };

/** A laptop of a developer without rights: no hugepages, no libdpdk, a network card on USB and another on the PCI bus. */
export const laptop: Parts = {
  trial: ALL_RUN,
  files: {
    '/proc/cpuinfo': cpuinfo('GenuineIntel', 'fpu sse4_2 avx2 aes constant_tsc nonstop_tsc'),
    '/sys/devices/system/cpu/isolated': '\n',
    '/proc/meminfo': meminfo(0, 0),
    '/proc/mounts': 'proc /proc proc rw 0 0\n',
    '/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages': '0\n',
    '/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages': '0\n',
    '/proc/self/status': status(NO_RIGHTS),
    '/proc/self/limits': limits('8388608'),
    '/proc/self/ns/net': '',
    '/proc/sys/user/max_user_namespaces': '60000\n',
    '/proc/net/packet': '',
    '/proc/net/protocols': PROTOCOLS,
    '/proc/net/route': route('wlan0'),
    '/dev/net/tun': '',
    '/etc/os-release': 'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n',
    ...interfaceFiles('lo', { type: 772, mtu: 65536, state: 'unknown' }),
    ...interfaceFiles('wlan0', {}),
    ...interfaceFiles('usb0', { state: 'down' }),
  },
  links: {
    ...pciLinks('wlan0', '0000:02:00.0', 'iwlwifi'),
    '/sys/class/net/usb0/device': '/sys/devices/pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0',
    '/sys/devices/pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0/driver': '/sys/bus/usb/drivers/cdc_ether',
  },
  commands: { 'pkg-config --version': '1.8.1\n' },
};

/** A server with an IOMMU, hugepages of two sizes, a card bound to vfio-pci, one that could be, a Mellanox card; root, the plug-in built. */
export const server: Parts = {
  trial: ALL_RUN,
  cpus: 32,
  files: {
    '/proc/cpuinfo': cpuinfo('AuthenticAMD', 'fpu sse4_2 avx2 avx512f aes pdpe1gb constant_tsc nonstop_tsc'),
    '/sys/devices/system/cpu/isolated': '8-15\n',
    '/proc/meminfo': meminfo(1024, 1000),
    '/proc/mounts': 'huge /dev/hugepages hugetlbfs rw,relatime,pagesize=2M 0 0\nhuge1 /mnt/huge hugetlbfs rw,pagesize=1024M 0 0\nhuge2 /mnt/other hugetlbfs rw 0 0\n',
    '/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages': '4\n',
    '/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages': '0\n',
    '/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages': '1024\n',
    '/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages': '1000\n',
    '/sys/kernel/iommu_groups/17/type': 'DMA\n',
    '/sys/kernel/iommu_groups/18/type': 'DMA\n',
    '/sys/kernel/iommu_groups/19/type': 'DMA\n',
    '/dev/vfio/vfio': '',
    '/dev/vfio/17': '',
    '/proc/self/status': status(ALL_RIGHTS),
    '/proc/self/limits': limits('65536'),
    '/proc/self/ns/net': '',
    '/proc/net/packet': '',
    '/proc/net/protocols': PROTOCOLS,
    '/proc/net/route': route('eno1'),
    '/dev/net/tun': '',
    '/etc/os-release': 'ID=debian\n',
    [`${FOLDER}/addon/build/Release/demi_dpdk.so`]: '',
    '/sys/bus/pci/devices/0000:41:00.0/class': '0x020000\n',
    // A graphics card that a virtual machine has: no business of ours.
    '/sys/bus/pci/devices/0000:42:00.0/class': '0x030000\n',
    '/sys/class/net/bonding_masters': 'bond0\n',
    ...interfaceFiles('eno1', {}),
    ...interfaceFiles('eno2', { mtu: 9000, state: 'down' }),
    ...interfaceFiles('ens5', {}),
  },
  links: {
    ...pciLinks('eno1', '0000:01:00.0', 'ixgbe', '18'),
    ...pciLinks('eno2', '0000:01:00.1', 'ixgbe', '19'),
    ...pciLinks('ens5', '0000:81:00.0', 'mlx5_core', '19'),
    '/sys/bus/pci/drivers/vfio-pci/0000:41:00.0': '/sys/devices/pci0000:40/0000:41:00.0',
    '/sys/bus/pci/drivers/vfio-pci/0000:42:00.0': '/sys/devices/pci0000:40/0000:42:00.0',
    '/sys/bus/pci/devices/0000:41:00.0/iommu_group': '/sys/kernel/iommu_groups/17',
  },
  commands: {
    'pkg-config --modversion libdpdk': '23.11.1\n',
    [`ldd ${FOLDER}/addon/build/Release/demi_dpdk.so`]: '\tlibrte_eal.so.24 => /usr/lib/librte_eal.so.24 (0x00007f)\n',
  },
};

/** A container in which /sys is not mounted, of a distribution without glibc, and without pkg-config. */
export const container: Parts = {
  trial: ALL_RUN,
  cpus: 1,
  files: {
    '/proc/cpuinfo': cpuinfo('GenuineIntel', 'fpu sse4_2'),
    '/proc/meminfo': meminfo(512, 512),
    '/proc/mounts': 'overlay / overlay rw 0 0\n',
    // Docker's own set of capabilities: CAP_NET_RAW is among them.
    '/proc/self/status': status('00000000a80425fb'),
    '/proc/self/limits': limits('unlimited'),
    '/proc/self/ns/net': '',
    '/proc/sys/user/max_user_namespaces': '0\n',
    '/proc/net/packet': '',
    '/proc/net/protocols': 'protocol\nTCP  2304\n',
    '/proc/net/route': route('eth0'),
    '/etc/os-release': 'ID=alpine\n',
  },
};

/** The server, as a user sees it who may nothing: files are there, and closed. */
export const lockedDown: Parts = {
  ...server,
  files: { ...server.files, '/proc/self/status': status(NO_RIGHTS), '/proc/sys/kernel/unprivileged_userns_clone': '0\n' },
  closed: ['/dev/vfio/17', '/dev/vfio/vfio', '/dev/net/tun'],
};

/** A Mac: not one file of Linux. */
export const mac: Parts = {
  platform: 'darwin',
  trial: { loopback: '', catnap: "ENOTSUP: operation not supported, createLibOS: libos 'catnap' is not in this build", catpowder: '' },
};
