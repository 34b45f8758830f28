// What the doctor says about machines that are not this one.

import { examine, reportText, RUNNABLES, WANTED_BY_DEFAULT, type Report, type Runnable } from '../../../lib/bin/doctor';
import type { Finding } from '../../../lib/bin/finding';
import { container, FOLDER, laptop, lockedDown, mac, makeMachine, server, type Parts } from './machines';

const LIBOSES = ['loopback', 'catnap', 'catpowder', 'catnip'];

const reportOf = (parts: Parts, wanted: readonly Runnable[] = WANTED_BY_DEFAULT, liboses = LIBOSES): Report =>
  examine(makeMachine(parts), { folder: FOLDER, liboses }, wanted);

function finding(report: Report, topic: string): Finding {
  const found = report.findings.filter((one) => one.topic === topic);
  expect(found).toHaveLength(1);
  return found[0];
}

const running = ({ liboses }: Report): string[] => liboses.filter(({ canRun }) => canRun).map(({ libos }) => libos);
const because = ({ liboses }: Report, name: Runnable): string => liboses.find(({ libos }) => libos === name)!.because;

const MACHINES = { laptop, server, container, lockedDown, mac };

describe.each(Object.entries(MACHINES))('on any machine: %s', (_, parts) => {
  const report = reportOf(parts);

  test('every libOS has one verdict, with its reason', () => {
    expect(report.liboses.map(({ libos }) => libos)).toEqual([...RUNNABLES]);
    expect(report.liboses.every(({ because: reason }) => reason.length > 2 && !reason.includes('undefined'))).toBe(true);
  });

  test('what is not well says what to do, and each topic has one line', () => {
    const topics = report.findings.map(({ topic }) => topic);
    expect(new Set(topics).size).toBe(topics.length);
    for (const { state, found, todo } of report.findings) {
      expect(`${found} ${todo}`).not.toMatch(/\n|NaN|\[object/);
      expect(found).not.toMatch(/undefined/);
      if (state !== 'ok' && found !== 'Linux only') expect(todo).toMatch(/\w/);
    }
  });

  test('the text has a line per finding, then the table', () => {
    const lines = reportText(report).split('\n');
    const end = lines.indexOf('');
    expect(lines.slice(0, end)).toHaveLength(report.findings.length);
    report.findings.forEach(({ topic, state }, index) => expect(lines[index]).toMatch(new RegExp(`^${state} +${topic.replace(/[/.]/g, '\\$&')}`)));
    expect(lines.slice(end + 2, end + 2 + RUNNABLES.length).map((line) => line.split(/ {2,}/).slice(0, 2))).toEqual(
      report.liboses.map(({ libos, canRun }) => [libos, canRun ? 'yes' : 'no']),
    );
  });
});

describe('a bare laptop', () => {
  const report = reportOf(laptop);

  test('runs what needs no rights', () => {
    expect(running(report)).toEqual(['loopback', 'catnap', 'catpowder-hub']);
    expect(report.ok).toBe(true);
    expect(reportText(report)).toContain('\nReady for loopback, catnap, catpowder-hub.\n');
  });

  test('is told how to get DPDK, hugepages and an IOMMU', () => {
    expect(finding(report, 'libdpdk')).toEqual({ topic: 'libdpdk', state: 'missing', found: 'pkg-config does not know it', todo: 'apt-get install libdpdk-dev' });
    expect(finding(report, 'DPDK plug-in')).toMatchObject({ state: 'missing', found: 'not built', todo: 'npx demi build-dpdk' });
    expect(finding(report, 'Hugepages of 2 MiB')).toMatchObject({ state: 'warning', found: 'none configured, not mounted' });
    expect(finding(report, 'Hugepages of 2 MiB').todo).toContain('echo 512 > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages');
    expect(finding(report, 'IOMMU')).toMatchObject({ state: 'missing', found: 'no groups' });
    expect(finding(report, 'IOMMU').todo).toContain('VT-d');
    expect(finding(report, 'vfio-pci')).toMatchObject({ state: 'missing', found: 'not loaded' });
    expect(because(report, 'catnip-vdev')).toBe('DPDK plug-in: not built');
  });

  test('its interfaces: driver, address, link, MTU; the loopback is none', () => {
    expect(finding(report, 'Interface wlan0').found).toBe('iwlwifi at 0000:02:00.0, link up, MTU 1500; vfio-pci: no, it has no IOMMU group');
    // The controller is on the PCI bus; the card is not, and binding the controller would take every USB device.
    expect(finding(report, 'Interface usb0').found).toBe('cdc_ether at 1-2:1.0, link down, MTU 1500; vfio-pci: no, it is not on the PCI bus');
    expect(report.findings.some(({ topic }) => topic === 'Interface lo')).toBe(false);
  });

  test('TAP may be opened, and an administrator has to make the interface', () => {
    expect(finding(report, 'TAP')).toMatchObject({ state: 'warning', found: '/dev/net/tun, without CAP_NET_ADMIN' });
    expect(because(report, 'catpowder-tap')).toBe('/dev/net/tun, without CAP_NET_ADMIN');
    expect(finding(report, 'Network namespaces')).toMatchObject({ state: 'ok', found: expect.stringContaining('unshare --user') });
    expect(finding(report, 'RLIMIT_MEMLOCK')).toMatchObject({ state: 'warning', found: '8 MiB' });
  });
});

describe('a server with a card for DPDK', () => {
  const report = reportOf(server, RUNNABLES);

  test('runs everything', () => {
    expect(running(report)).toEqual([...RUNNABLES]);
    expect(report.ok).toBe(true);
    expect(because(report, 'catnip-nic')).toBe('on 0000:81:00.0, 0000:41:00.0');
    expect(because(report, 'catpowder-interface')).toBe('on eno1, eno2, ens5');
  });

  test('hugepages of each size, and where they are mounted', () => {
    expect(finding(report, 'Hugepages of 2 MiB')).toMatchObject({ state: 'ok', found: '1024 configured, 1000 free, mounted at /dev/hugepages' });
    expect(finding(report, 'Hugepages of 1 GiB')).toMatchObject({ state: 'warning', found: '4 configured, 0 free, mounted at /mnt/huge' });
    expect(finding(report, 'Hugepages of 1 GiB').todo).toContain('echo 1 > ');
  });

  test('which cards can be bound, and how', () => {
    expect(finding(report, 'Card 0000:41:00.0')).toMatchObject({ state: 'ok', found: 'bound to vfio-pci, IOMMU group 17' });
    expect(finding(report, 'Interface eno1').found).toContain('vfio-pci: possible, but the default route goes there');
    expect(finding(report, 'Interface eno1').todo).toBeUndefined();
    expect(finding(report, 'Interface eno2').found).toBe('ixgbe at 0000:01:00.1, link down, MTU 9000; vfio-pci: possible');
    expect(finding(report, 'Interface eno2').todo).toContain('dpdk-devbind.py --bind=vfio-pci 0000:01:00.1');
    expect(finding(report, 'Interface ens5').found).toContain('DPDK works through this driver');
    expect(report.findings.filter(({ topic }) => /0000:42|bonding/.test(topic))).toEqual([]);
  });

  test('what else it has', () => {
    expect(finding(report, 'Isolated CPUs')).toMatchObject({ state: 'ok', found: expect.stringContaining('8-15') });
    expect(finding(report, 'IOMMU')).toMatchObject({ state: 'ok', found: '3 groups' });
    expect(finding(report, '/dev/vfio')).toMatchObject({ state: 'ok', found: 'groups 17' });
    expect(finding(report, 'libdpdk')).toMatchObject({ state: 'ok', found: '23.11.1' });
    expect(finding(report, 'RLIMIT_MEMLOCK')).toMatchObject({ state: 'ok', found: 'no limit, because of CAP_IPC_LOCK' });
    for (const name of ['CAP_NET_ADMIN', 'CAP_NET_RAW', 'CAP_IPC_LOCK', 'CAP_SYS_ADMIN', 'TAP', 'AF_PACKET', 'AF_XDP']) expect(finding(report, name).state).toBe('ok');
  });

  test('each thing that a NIC needs is missed when it is not there', () => {
    const without = (change: (parts: Required<Pick<Parts, 'files' | 'links'>>) => void): string => {
      const parts = { ...server, files: { ...server.files }, links: { ...server.links } };
      change(parts as Required<Pick<Parts, 'files' | 'links'>>);
      const changed = reportOf(parts, ['catnip-nic']);
      expect(changed.ok).toBe(false);
      expect(reportText(changed)).toContain('Not ready for catnip-nic.');
      return because(changed, 'catnip-nic');
    };
    expect(without(({ files }) => { files['/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages'] = '0\n'; })).toBe('no free hugepages');
    expect(without(({ files }) => { delete files[`${FOLDER}/addon/build/Release/demi_dpdk.so`]; })).toBe('DPDK plug-in: not built');
    // Every right but CAP_IPC_LOCK, bit 14.
    expect(without(({ files }) => { files['/proc/self/status'] = 'CapEff:\t000001ffffffbfff\n'; })).toBe('RLIMIT_MEMLOCK is too low');
    expect(without(({ files }) => { files['/proc/cpuinfo'] = 'flags\t: fpu constant_tsc\n'; })).toBe('the processor has no sse4_2');
    expect(
      without(({ links, files }) => {
        for (const link of Object.keys(links)) if (link.includes('vfio-pci') || link.includes('ens5')) delete links[link];
        delete files['/dev/vfio/17'];
      }),
    ).toBe('no card is bound to vfio-pci; 0000:01:00.1 could be');
    const unbuilt = reportOf(server, ['catnip-nic'], ['loopback', 'catnap', 'catpowder']);
    expect(because(unbuilt, 'catnip-nic')).toBe('catnip is not in this build');
  });

  test('a library that the plug-in was built with and that is gone', () => {
    const ldd = `ldd ${FOLDER}/addon/build/Release/demi_dpdk.so`;
    const changed = reportOf({ ...server, commands: { [ldd]: '\tlibrte_eal.so.24 => not found\n\tlibc.so.6 => /lib/libc.so.6 (0x7f)\n\tlibrte_mbuf.so.24 => not found\n' } });
    expect(finding(changed, 'DPDK plug-in')).toMatchObject({ state: 'missing', found: 'built, but there is no librte_eal.so.24, librte_mbuf.so.24' });
    expect(because(changed, 'catnip-vdev')).toContain('librte_eal.so.24');
  });

  test('VFIO without an IOMMU, where that was allowed', () => {
    const files: Record<string, string> = { ...server.files, '/sys/module/vfio/parameters/enable_unsafe_noiommu_mode': 'Y\n' };
    for (const name of Object.keys(files)) if (name.startsWith('/sys/kernel/iommu_groups/')) delete files[name];
    const links = Object.fromEntries(Object.entries(server.links!).filter(([, to]) => !to.includes('iommu_groups')));
    const changed = reportOf({ ...server, files, links });
    expect(finding(changed, 'IOMMU')).toMatchObject({ state: 'warning', found: expect.stringContaining('can reach all memory') });
    expect(finding(changed, 'Interface eno2').found).toContain('vfio-pci: possible');
  });
});

describe('a container without /sys', () => {
  const report = reportOf(container);

  test('runs what needs none of it', () => {
    expect(running(report)).toEqual(['loopback', 'catnap', 'catpowder-hub']);
    expect(because(report, 'catpowder-tap')).toBe('no /dev/net/tun');
    expect(because(report, 'catpowder-interface')).toBe('no interface of Ethernet');
  });

  test('says what it cannot see', () => {
    expect(finding(report, 'Interfaces')).toMatchObject({ state: 'missing', found: '/sys/class/net cannot be read' });
    expect(finding(report, 'Isolated CPUs')).toMatchObject({ state: 'warning', todo: 'mount /sys to have it looked at' });
    expect(finding(report, 'IOMMU')).toMatchObject({ state: 'missing', found: '/sys cannot be read' });
    // The default size is in /proc, too.
    expect(finding(report, 'Hugepages of 2 MiB')).toMatchObject({ state: 'ok', found: '512 configured, 512 free, not mounted' });
    expect(finding(report, 'Time stamp counter')).toMatchObject({ state: 'warning', found: 'no constant_tsc, no nonstop_tsc' });
    expect(finding(report, 'libdpdk')).toMatchObject({ found: 'pkg-config is not installed, so nobody knows', todo: 'apk add dpdk-dev, and pkg-config' });
    expect(finding(report, 'CPUs')).toMatchObject({ state: 'warning', found: '1 CPU for this process, x64' });
    expect(finding(report, 'AF_XDP').state).toBe('warning');
    expect(finding(report, 'Network namespaces')).toMatchObject({ state: 'warning', found: 'not for this user, nor user namespaces' });
    expect(finding(report, 'CAP_NET_RAW').state).toBe('ok');
    expect(finding(report, 'CAP_NET_ADMIN').state).toBe('missing');
  });
});

describe('a user who may nothing', () => {
  const report = reportOf({ ...lockedDown, links: Object.fromEntries(Object.entries(lockedDown.links!).filter(([link]) => !link.includes('ens5'))) });

  test('is told which file and which right', () => {
    expect(running(report)).toEqual(['loopback', 'catnap', 'catpowder-hub', 'catnip-vdev']);
    expect(because(report, 'catpowder-tap')).toBe('/dev/net/tun may not be opened');
    expect(because(report, 'catpowder-interface')).toBe('not allowed: no CAP_NET_RAW');
    expect(because(report, 'catnip-nic')).toBe('0000:41:00.0: /dev/vfio/17 may not be opened');
    expect(finding(report, '/dev/vfio')).toMatchObject({ state: 'missing', found: 'groups 17; 17 not for this user' });
    expect(finding(report, 'Card 0000:41:00.0')).toMatchObject({ state: 'missing', todo: 'chown USER /dev/vfio/17 (as root)' });
    expect(finding(report, 'CAP_NET_RAW').todo).toContain('setcap cap_net_raw+ep');
    expect(finding(report, 'RLIMIT_MEMLOCK')).toMatchObject({ state: 'warning', found: '0 MiB' });
    expect(finding(report, 'Network namespaces').state).toBe('warning');
  });
});

describe('a Mac', () => {
  const report = reportOf(mac);

  test('runs what is portable, and the rest says that it is for Linux', () => {
    expect(running(report)).toEqual(['loopback', 'catpowder-hub']);
    expect(report.ok).toBe(false);
    for (const topic of ['Hugepages', 'IOMMU', 'vfio-pci', '/dev/vfio', 'libdpdk', 'DPDK plug-in', 'Interfaces', 'TAP', 'AF_PACKET', 'AF_XDP', 'CAP_NET_RAW', 'RLIMIT_MEMLOCK']) {
      expect(finding(report, topic)).toEqual({ topic, state: 'missing', found: 'Linux only' });
    }
    expect(because(report, 'catnap')).toContain('is not in this build');
    expect(because(report, 'catnip-nic')).toBe('Linux only');
  });
});

describe('Node.js and the addon', () => {
  test('a Node.js that is too old', () => {
    const report = reportOf({ ...laptop, versions: { node: '18.20.0', napi: '9' } });
    expect(finding(report, 'Node.js')).toMatchObject({ state: 'missing', found: '18.20.0, Node-API 9', todo: 'install Node.js 20 or newer' });
    expect(finding(reportOf({ ...laptop, versions: { node: '20.1.0', napi: '8' } }), 'Node.js').state).toBe('missing');
  });

  test('without the addon nothing runs', () => {
    const report = reportOf({ ...server, trial: undefined }, ['loopback']);
    expect(running(report)).toEqual([]);
    expect(finding(report, 'Addon')).toMatchObject({ state: 'missing', todo: `node ${FOLDER}/addon/build.js builds it` });
    expect(because(report, 'catnip-nic')).toBe('the addon does not load');
    expect(report.ok).toBe(false);
  });

  test('a libOS that cannot be made says what it said', () => {
    const report = reportOf({ ...laptop, trial: { loopback: '', catnap: 'EMFILE: too many', catpowder: '' } });
    expect(because(report, 'catnap')).toBe('EMFILE: too many');
    expect(report.ok).toBe(false);
  });
});
