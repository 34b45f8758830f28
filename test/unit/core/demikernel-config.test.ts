// Files of Demikernel: the shapes and values of those that it came with over the years, and what becomes of them.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { loadConfig, type ResolvedConfig } from '../../../lib/core/config';
import { fromDemikernel, type Translation } from '../../../lib/core/demikernel-config';
import { DemiError } from '../../../lib/core/errors';
import { ValueChecker } from '../../../lib/core/value-checker';

type File = Record<string, unknown>;

const translate = (file: File, variables: Record<string, string> = {}): Translation =>
  fromDemikernel(new ValueChecker('file a.yaml', false), { libos: 'catpowder', ...file }, variables);
const inetOf = (file: File, variables?: Record<string, string>): File => translate(file, variables).config['inet'] as File;

function errorOf(call: () => unknown): DemiError {
  try {
    call();
  } catch (error) {
    return error as DemiError;
  }
  throw new Error('nothing was thrown');
}

/** What most of its files have. */
const SOCKET_OPTIONS = { keepalive: { enabled: false, time_millis: 0, interval: 0 }, linger: { enabled: true, time_seconds: 0 }, nodelay: true };
const STACK = { mtu: 1500, mss: 1500, enable_jumbo_frames: false, udp_checksum_offload: false, tcp_checksum_offload: false };
/** One of a machine of its test bed, of 2024. */
const machine = (): File => ({
  demikernel: { local_ipv4_addr: '10.0.1.7', local_link_addr: '08:c0:eb:b6:cd:5d' },
  raw_socket: { interface_name: 'ens85f1' },
  dpdk: { eal_init: ['', '-c', '0xff', '-n', '4', '-a', '31:00.1', '--proc-type=auto'] },
  tcp_socket_options: SOCKET_OPTIONS,
  inetstack_config: {
    ...STACK,
    arp_table: { '08:c0:eb:b6:cd:5d': '10.0.1.7', '08:c0:eb:b6:e8:05': '10.0.1.8', '08:c0:eb:b6:c5:ad': '10.0.1.9' },
    arp_request_retries: 5,
    arp_request_timeout: 20,
    arp_cache_ttl: 15,
  },
});
/** Of that on Azure, of 2025: without a table, and with all that Windows has. */
const azure = (): File => ({
  demikernel: { local_ipv4_addr: '10.0.1.7', local_link_addr: '08:c0:eb:b6:cd:5d', log_level: 'trace' },
  raw_socket: {
    linux_interface_name: 'eth1', xdp_interface_index: 0, xdp_cohost_mode: false, xdp_always_poke_tx: false, xdp_tcp_ports: [80, 443], tx_buffer_count: 4096,
    rx_buffer_count: 4096, tx_ring_size: 128, rx_ring_size: 128,
  },
  dpdk: { eal_init: ['-c', '0xff', '-n', '4', '-a', 'aa89:00:02.0', '--proc-type=auto', '--vdev=net_vdev_netvsc0,iface=eth1'] },
  tcp_socket_options: SOCKET_OPTIONS,
  inetstack_config: STACK,
});
/** Of 2021. */
const old = (): File => ({
  client: { connect_to: { host: '192.168.1.1', port: 12345 }, client: { host: '192.168.1.2', port: 12345 } },
  server: { bind: { host: '192.168.1.1', port: 12345 } },
  catnip: { my_ipv4_addr: '192.168.1.1', my_link_addr: '24:8a:07:50:95:08', my_interface_name: 'eth1', arp_table: { '50:6b:4b:48:f8:f2': '192.168.1.2' }, disable_arp: true },
  dpdk: { eal_init: ['-c', '0xff', '-n', '4', '-w', '03:00.1', '--proc-type=auto'] },
  lwip: { known_hosts: { '24:8a:07:50:95:08': '192.168.1.1' } },
});

describe('whole files', () => {
  test('a machine with raw sockets', () => {
    const { config, ignored } = translate(machine());
    expect(config).toEqual({
      libos: 'catpowder',
      device: { interface: 'ens85f1' },
      inet: {
        addresses: ['10.0.1.7/32'],
        routes: [{ to: '0.0.0.0/0' }],
        mac: '08:c0:eb:b6:cd:5d',
        mtu: 1500,
        neighbors: { '10.0.1.8': '08:c0:eb:b6:e8:05', '10.0.1.9': '08:c0:eb:b6:c5:ad' },
        neighborDiscovery: { requests: 6, retryMs: 20_000, reachableMs: 15_000 },
        tcp: { nodelay: true, keepalive: false },
      },
      // The checker of the rest lists it as ignored.
      dpdk: machine()['dpdk'],
    });
    expect(ignored).toEqual([
      'tcp_socket_options.linger: a socket asks for it with SO_LINGER',
      'inetstack_config.udp_checksum_offload: checksums are left to each device that finishes them',
      'inetstack_config.tcp_checksum_offload: checksums are left to each device that finishes them',
      "inetstack_config.arp_table['08:c0:eb:b6:cd:5d']: it is the own address",
      'inetstack_config.mss: the MTU leaves 1460',
    ]);
  });

  test('the same machine with DPDK: arguments of EAL as they are, without the name of the program', () => {
    const { config, ignored } = translate({ ...machine(), libos: 'catnip' });
    expect(config['dpdk']).toEqual({ eal: ['-c', '0xff', '-n', '4', '-a', '31:00.1', '--proc-type=auto'] });
    expect(config['device']).toBeUndefined();
    expect(ignored).toContain('raw_socket.interface_name: catnip uses no interface of the kernel');
  });

  test('that of Azure: what Windows has is named, each key', () => {
    const { config, ignored } = translate(azure());
    expect(config['device']).toEqual({ interface: 'eth1' });
    expect(ignored.filter((one) => one.endsWith(': it is for Windows'))).toHaveLength(8);
    expect(ignored).toContain('demikernel.log_level: demi-io writes no log');
    expect(translate({ ...azure(), libos: 'catnip' }).config['dpdk']).toEqual({
      eal: ['-c', '0xff', '-n', '4', '-a', 'aa89:00:02.0', '--proc-type=auto', '--vdev=net_vdev_netvsc0,iface=eth1'],
    });
  });

  test('an old one', () => {
    const { config, ignored } = translate(old());
    expect(config).toMatchObject({
      device: { interface: 'eth1' },
      inet: { addresses: ['192.168.1.1/32'], mac: '24:8a:07:50:95:08', neighbors: { '192.168.1.2': '50:6b:4b:48:f8:f2' } },
    });
    expect(ignored).toEqual([
      'catnip.disable_arp: ARP stays on; those in arp_table are not asked for',
      "client: it is for Demikernel's sample programs",
      "server: it is for Demikernel's sample programs",
      "lwip: it is for Demikernel's sample programs",
    ]);
  });

  test('of a libOS without a stack they are names, and are not looked into', () => {
    const { config, ignored } = translate({ ...machine(), libos: 'catnap', demikernel: 5 }, { MTU: 'x' });
    expect(config).toEqual({ libos: 'catnap', dpdk: machine()['dpdk'] });
    expect(ignored).toEqual(['demikernel', 'raw_socket', 'tcp_socket_options', 'inetstack_config', 'environment variable MTU']);
  });

  test('one of ours is left alone', () => {
    const file = { libos: 'catpowder', inet: { mtu: 9000 }, device: { hub: 'a' }, client: 5, dpdk: { eal: ['-l', '1'], eal_args: [] } };
    expect(translate(file)).toEqual({ config: file, ignored: [] });
    expect(translate({ ...file, libos: 'catnip' }).config['dpdk']).toEqual(file.dpdk);
  });

  test('the parsed file is not changed', () => {
    const file = machine();
    translate(file);
    translate({ ...file, libos: 'catnip' });
    expect(file).toEqual(machine());
  });
});

describe('one key at a time', () => {
  test.each([
    [{ demikernel: { local_ipv4_addr: '198.19.200.40' } }, { addresses: ['198.19.200.40/32'], routes: [{ to: '0.0.0.0/0' }] }],
    [{ demikernel: { local_link_addr: 'B8:83:03:79:9F:BC' } }, { mac: 'b8:83:03:79:9f:bc' }],
    [{ catnip: { my_link_addr: 'b8:83:03:79:9f:bc' } }, { mac: 'b8:83:03:79:9f:bc' }],
    [{ tcp_socket_options: { nodelay: false } }, { tcp: { nodelay: false } }],
    [{ tcp_socket_options: { keepalive: { enabled: true } } }, { tcp: { keepalive: true } }],
    [{ tcp_socket_options: { keepalive: { enabled: true, time_millis: 7200000, interval: 1500 } } }, { tcp: { keepalive: true, keepIdle: 7200, keepInterval: 1.5 } }],
    [{ inetstack_config: { mtu: 9000 } }, { mtu: 9000 }],
    [{ inetstack_config: { mtu: 9000, mss: 8960 } }, { mtu: 9000, tcp: { mss: 8960 } }],
    [{ inetstack_config: { mss: 1450 } }, { tcp: { mss: 1450 } }],
    // The other way round, as one of its files has it.
    [{ inetstack_config: { arp_table: { '198.19.201.34': '98:5d:82:9c:ef:b5' } } }, { neighbors: { '198.19.201.34': '98:5d:82:9c:ef:b5' } }],
    [{ inetstack_config: { arp_cache_ttl: 600 } }, { neighborDiscovery: { reachableMs: 600_000 } }],
    [{ inetstack_config: { arp_request_timeout: 1 } }, { neighborDiscovery: { retryMs: 1000 } }],
    [{ inetstack_config: { arp_request_retries: 0 } }, { neighborDiscovery: { requests: 1 } }],
  ])('%j', (file, inet) => {
    expect(translate(file)).toEqual({ config: { libos: 'catpowder', inet }, ignored: [] });
  });

  test.each([
    [{ demikernel: { log_level: 5 } }, 'demikernel.log_level: demi-io writes no log'],
    [{ tcp_socket_options: { linger: { enabled: true, time_seconds: 5 } } }, 'tcp_socket_options.linger: a socket asks for it with SO_LINGER'],
    [{ inetstack_config: { enable_jumbo_frames: true } }, 'inetstack_config.enable_jumbo_frames: the MTU says how long a packet may be'],
    [{ inetstack_config: { udp_checksum_offload: true } }, 'inetstack_config.udp_checksum_offload: checksums are left to each device that finishes them'],
    [{ raw_socket: { interface_index: 3 } }, 'raw_socket.interface_index: it is for Windows'],
  ])('%j has no effect', (file, reason) => {
    expect(translate(file)).toEqual({ config: { libos: 'catpowder' }, ignored: [reason] });
  });

  test('what changes nothing is not spoken of', () => {
    const file = {
      demikernel: null, raw_socket: {}, catnip: { disable_arp: false },
      tcp_socket_options: { linger: { enabled: false, time_seconds: 0 }, keepalive: null }, inetstack_config: { enable_jumbo_frames: false, arp_table: null },
    };
    expect(translate(file)).toEqual({ config: { libos: 'catpowder' }, ignored: [] });
  });

  test('the first argument of EAL is dropped only if it is a name', () => {
    const ealOf = (given: string[]): unknown => (translate({ libos: 'catnip', dpdk: { eal_init: given } }).config['dpdk'] as File)['eal'];
    expect(ealOf(['demikernel', '-l', '0-3'])).toEqual(['-l', '0-3']);
    expect(ealOf(['-l', '0-3'])).toEqual(['-l', '0-3']);
    expect(ealOf(['-c', '0xff', '-w', '03:00.1', '--pci-whitelist', '03:00.0'])).toEqual(['-c', '0xff', '-a', '03:00.1', '--allow', '03:00.0']);
    expect(ealOf([''])).toEqual([]);
    expect(ealOf([])).toEqual([]);
    expect(translate({ libos: 'catnip', dpdk: { eal_init: ['', '-n', '4'], port: 1 } }).config['dpdk']).toEqual({ eal: ['-n', '4'], port: 1 });
  });
});

describe('what counts more', () => {
  test('newer sections than the old one', () => {
    const { config, ignored } = translate({
      catnip: { my_ipv4_addr: '10.0.0.1', my_link_addr: '02:00:00:00:00:01', my_interface_name: 'eth1', arp_table: { '02:00:00:00:00:05': '10.0.0.5' } },
      demikernel: { local_ipv4_addr: '10.0.0.2', local_link_addr: '02:00:00:00:00:02' },
      raw_socket: { linux_interface_name: 'eth2' },
      inetstack_config: { arp_table: { '02:00:00:00:00:06': '10.0.0.6' } },
    });
    expect(config).toMatchObject({
      device: { interface: 'eth2' },
      inet: { addresses: ['10.0.0.2/32'], mac: '02:00:00:00:00:02', neighbors: { '10.0.0.6': '02:00:00:00:00:06' } },
    });
    expect(ignored).toEqual([
      'catnip.my_ipv4_addr: demikernel.local_ipv4_addr decides',
      'catnip.my_link_addr: demikernel.local_link_addr decides',
      'catnip.my_interface_name: raw_socket.linux_interface_name decides',
      'catnip.arp_table: inetstack_config.arp_table decides',
    ]);
  });

  test('variables than the file', () => {
    expect(translate({ inetstack_config: { mtu: 9000, mss: 8000 } }, { MTU: '1400', MSS: '1000' })).toEqual({
      config: { libos: 'catpowder', inet: { mtu: 1400, tcp: { mss: 1000 } } },
      ignored: ['inetstack_config.mtu: environment variable MTU decides', 'inetstack_config.mss: environment variable MSS decides'],
    });
    expect(inetOf({}, { MTU: '9000' })).toEqual({ mtu: 9000 });
    expect(translate({}, { MSS: '1461' })).toEqual({ config: { libos: 'catpowder' }, ignored: ['environment variable MSS: the MTU leaves 1460'] });
  });

  test('sections of ours than theirs, key by key', () => {
    const { config, ignored } = translate({
      ...machine(),
      inet: { mtu: 9000, addresses: ['10.0.1.7/24'], gateway: '10.0.1.1', tcp: { nodelay: false, rcvbuf: 4096 } },
      device: { hub: 'a' },
    });
    expect(config['device']).toEqual({ hub: 'a' });
    expect(config['inet']).toMatchObject({ addresses: ['10.0.1.7/24'], gateway: '10.0.1.1', mtu: 9000, tcp: { nodelay: false, keepalive: false, rcvbuf: 4096 } });
    expect(config['inet']).not.toHaveProperty('routes');
    expect(ignored).toEqual(
      expect.arrayContaining([
        'inetstack_config.mtu: inet.mtu decides',
        'demikernel.local_ipv4_addr: inet.addresses decides',
        'tcp_socket_options.nodelay: inet.tcp.nodelay decides',
        'raw_socket: device decides',
      ]),
    );
    const both = translate({ libos: 'catnip', dpdk: { eal_init: ['-n', '4'], eal: ['-l', '1'] } });
    expect(both).toEqual({ config: { libos: 'catnip', dpdk: { eal: ['-l', '1'] } }, ignored: ['dpdk.eal_init: dpdk.eal decides'] });
  });
});

test.each([
  [{ demikernel: { local_ipv4_addr: 'XX.XX.XX.XX' } }, "demikernel.local_ipv4_addr must be an IPv4 address such as '10.77.0.1'; it is 'XX.XX.XX.XX'"],
  [{ demikernel: { local_ipv4_addr: 5 } }, 'demikernel.local_ipv4_addr must be an IPv4 address'],
  [{ demikernel: { local_link_addr: 'ff:ff:ff:ff:ff:ff' } }, "demikernel.local_link_addr must be a MAC address of one station, such as '02:00:00:00:00:01'; it is 'ff:ff:ff:ff:ff:ff'"],
  [{ demikernel: { local_ip_addr: '10.0.0.1' } }, "'demikernel.local_ip_addr' is not a key of the configuration; did you mean 'demikernel.local_ipv4_addr'?"],
  [{ demikernel: 5 }, 'demikernel must be an object'],
  [{ demikernel: [] }, 'demikernel must be an object'],
  [{ catnip: { my_ipv4_addr: '10.0.0' } }, "catnip.my_ipv4_addr must be an IPv4 address such as '10.77.0.1'; it is '10.0.0'"],
  [{ catnip: { disable_arp: 'yes' } }, 'catnip.disable_arp must be true or false'],
  [{ raw_socket: { linux_interface_name: '' } }, 'raw_socket.linux_interface_name must be the name of an interface, of 1 to 15 characters'],
  [{ raw_socket: { linux_interface_name: 'a-name-of-16-let' } }, "it is 'a-name-of-16-let'"],
  [{ raw_socket: { linux_interface: 'eth0' } }, "did you mean 'raw_socket.linux_interface_name'?"],
  [{ raw_socket: 'eth0' }, 'raw_socket must be an object'],
  [{ tcp_socket_options: { nodelay: 1 } }, 'tcp_socket_options.nodelay must be true or false; it is 1'],
  [{ tcp_socket_options: { keepalive: true } }, 'tcp_socket_options.keepalive must be an object'],
  [{ tcp_socket_options: { keepalive: { enabled: 'on' } } }, "tcp_socket_options.keepalive.enabled must be true or false; it is 'on'"],
  [{ tcp_socket_options: { keepalive: { time_millis: -1 } } }, 'tcp_socket_options.keepalive.time_millis must be an integer from 0 to 32767000; it is -1'],
  [{ tcp_socket_options: { linger: { time_seconds: 65536 } } }, 'tcp_socket_options.linger.time_seconds must be an integer from 0 to 65535; it is 65536'],
  [{ tcp_socket_options: { linger: { enabled: 1 } } }, 'tcp_socket_options.linger.enabled must be true or false'],
  [{ inetstack_config: { mtu: '1500' } }, "inetstack_config.mtu must be an integer from 68 to 65518; it is '1500'"],
  [{ inetstack_config: { mtu: 67 } }, 'inetstack_config.mtu must be an integer from 68'],
  [{ inetstack_config: { mss: 87 } }, 'inetstack_config.mss must be an integer from 88 to 65495; it is 87'],
  [{ inetstack_config: { arp_cache_ttl: 0 } }, 'inetstack_config.arp_cache_ttl must be an integer from 1 to 3600; it is 0'],
  [{ inetstack_config: { arp_request_timeout: 3601 } }, 'inetstack_config.arp_request_timeout must be an integer from 1 to 3600'],
  [{ inetstack_config: { arp_request_retries: 255 } }, 'inetstack_config.arp_request_retries must be an integer from 0 to 254'],
  [{ inetstack_config: { tcp_checksum_offload: 0 } }, 'inetstack_config.tcp_checksum_offload must be true or false'],
  [{ inetstack_config: { enable_jumbo_frames: 'no' } }, 'inetstack_config.enable_jumbo_frames must be true or false'],
  [{ inetstack_config: { arp_table: [] } }, 'inetstack_config.arp_table must be an object such as'],
  [{ inetstack_config: { arp_table: { '02:00:00:00:00:05': 'YY.YY.YY.YY' } } }, "inetstack_config.arp_table['02:00:00:00:00:05'] must be an IPv4 address such as '10.77.0.1'; it is 'YY.YY.YY.YY'"],
  [{ inetstack_config: { arp_table: { '02:00:00:00:05': '10.0.0.5' } } }, 'a key of inetstack_config.arp_table must be a MAC address of one station'],
  [{ inetstack_config: { arp_table: { '10.0.0.5': 7 } } }, "inetstack_config.arp_table['10.0.0.5'] must be a MAC address of one station"],
  [{ inetstack_config: { arp_tabel: {} } }, "did you mean 'inetstack_config.arp_table'?"],
  [{ libos: 'catnip', dpdk: { eal_init: '-c 0xff' } }, "dpdk.eal_init must be an array such as ['', '-c', '0xff', '-n', '4']; it is '-c 0xff'"],
  [{ libos: 'catnip', dpdk: { eal_init: ['-n', 4] } }, "dpdk.eal_init[1] must be text such as '4'; it is 4"],
])('%j is EINVAL with key, value and what would be right', (file, message) => {
  const error = errorOf(() => translate(file));
  expect(error).toBeInstanceOf(DemiError);
  expect(error.code).toBe('EINVAL');
  expect(error.message).toContain(message);
  expect(error.message).toContain('(file a.yaml)');
});

test.each([['MTU', 'big'], ['MTU', '-1'], ['MTU', '99999'], ['MSS', '1e3']])('environment variable %s=%s', (name, text) => {
  const error = errorOf(() => translate({}, { [name]: text }));
  expect(error.code).toBe('EINVAL');
  expect(error.message).toContain(`environment variable ${name} must be an integer from`);
});

describe('through loadConfig', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'demi-demikernel-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const load = (text: string, env: Record<string, string> = {}): ResolvedConfig => {
    writeFileSync(join(folder, 'a.yaml'), text);
    return loadConfig({ LIBOS: 'catpowder', CONFIG_PATH: 'a.yaml', ...env }, folder).config;
  };
  const YAML = `
demikernel:
  local_ipv4_addr: 10.0.1.7
  local_link_addr: "08:c0:eb:b6:cd:5d"
raw_socket:
  linux_interface_name: "ens85f1"
dpdk:
  eal_init: ["", "-c", "0xff", "-n", "4", "-a", "31:00.1","--proc-type=auto"]
inetstack_config:
  mtu: 1500
  mss: 1450
  arp_table:
    "08:c0:eb:b6:e8:05": "10.0.1.8"
  arp_request_retries: 5
`;

  test('the text of a file becomes a checked configuration', () => {
    const config = load(YAML);
    expect(config.device).toEqual({ kind: 'interface', name: 'ens85f1' });
    expect(config.inet).toMatchObject({
      addresses: ['10.0.1.7/32'], routes: [{ to: '0.0.0.0/0' }], mac: '08:c0:eb:b6:cd:5d', mtu: 1500, neighbors: { '10.0.1.8': '08:c0:eb:b6:e8:05' },
      neighborDiscovery: { requests: 6, retryMs: 1000 }, tcp: { mss: 1450, nodelay: false },
    });
    expect(config.ignored).toEqual(['dpdk']);
  });

  test('MTU and MSS count with the variables of their family, and with a stack', () => {
    const config = load(YAML, { MTU: '1400', MSS: '1000' });
    expect(config.inet).toMatchObject({ mtu: 1400, tcp: { mss: 1000 } });
    expect(config.ignored).toEqual(['inetstack_config.mtu: environment variable MTU decides', 'inetstack_config.mss: environment variable MSS decides', 'dpdk']);
    expect(loadConfig({ LIBOS: 'catpowder', MTU: '1400' }, folder).config.inet?.mtu).toBe(1400);
    expect(loadConfig({ LIBOS: 'loopback', MTU: '1400' }, folder).config.ignored).toEqual(['environment variable MTU']);
    const ours = loadConfig({ DEMI_LIBOS: 'catpowder', MTU: '1400' }, folder).config;
    expect([ours.inet?.mtu, ours.ignored]).toEqual([1500, ['environment variable MTU']]);
  });

  test('what is wrong names the file', () => {
    expect(errorOf(() => load('demikernel:\n  local_ipv4_addr: XX.XX.XX.XX\n')).message).toContain(`(environment variable LIBOS and environment variable CONFIG_PATH, file ${join(folder, 'a.yaml')})`);
  });

  test('a file of ours may have their sections, too', () => {
    writeFileSync(join(folder, 'demi.config.yaml'), 'libos: catpowder\ninetstack_config:\n  mtu: 9000\n');
    expect(loadConfig({}, folder).config.inet?.mtu).toBe(9000);
  });
});
