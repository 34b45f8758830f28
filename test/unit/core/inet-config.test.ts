import { checkConfig, type ResolvedConfig } from '../../../lib/core/config';
import { DemiError } from '../../../lib/core/errors';
import { chooseLinkLocalAddress, nativeDevice, nativeInet, type ResolvedInet } from '../../../lib/core/inet-config';

const check = (inet?: unknown, device?: unknown): ResolvedConfig => checkConfig({ libos: 'catpowder', inet, device }, 'a test');
const inetOf = (inet?: unknown): ResolvedInet => check(inet).inet as ResolvedInet;

function errorOf(call: () => unknown): Error {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}

describe('what is not given', () => {
  test('every default', () => {
    expect(check()).toMatchObject({
      device: { kind: 'hub', name: '' },
      inet: {
        addresses: [], routes: [], mtu: 1500, neighbors: {}, neighborDiscovery: { requests: 3, retryMs: 1000, reachableMs: 30000 },
        tcp: {
          mss: 0, keepalive: false, rcvbuf: 262144, rcvbufMax: 33554432, sndbuf: 1048576, sndbufMax: 33554432, nodelay: false, delayedAckMs: 40, rtoInitialMs: 1000, rtoMinMs: 200,
          rtoMaxMs: 60000, congestion: 'cubic', initialWindow: 10, synRetries: 6, synAckRetries: 5, synQueue: 1024, userTimeoutMs: 300000,
          orphanTimeoutMs: 60000, finWait2TimeoutMs: 60000, keepIdle: 7200, keepInterval: 75, keepCount: 9, msl: 30, timeWaitMax: 65536,
          windowScale: true, timestamps: true, sack: true, segmentOffload: true,
        },
      },
      ignored: [],
    });
    expect(inetOf()).not.toHaveProperty('mac');
  });

  test('undefined is the same as left out', () => {
    const given = { addresses: undefined, gateway: undefined, routes: undefined, mac: undefined, mtu: undefined, neighbors: undefined, neighborDiscovery: undefined, tcp: undefined };
    expect(check(given, undefined)).toEqual(check());
    expect(inetOf({ tcp: { msl: undefined } })).toEqual(inetOf());
  });

  test('the sections mean nothing to a libOS without a stack', () => {
    const { inet, device, ignored } = checkConfig({ libos: 'loopback', inet: 5, device: 'x' }, 'a test');
    expect({ inet, device, ignored }).toEqual({ inet: undefined, device: undefined, ignored: ['inet', 'device'] });
  });
});

test('everything given', () => {
  const inet = {
    addresses: ['10.77.0.2/24', '10.78.0.2/16'],
    gateway: '10.77.0.1',
    routes: [{ to: '10.79.0.0/16', via: '10.77.0.9' }, { to: '192.0.2.0/24' }],
    mac: '02:AA:00:00:00:01',
    mtu: 9000,
    neighbors: { '10.77.0.1': '02:00:00:00:00:05' },
    neighborDiscovery: { requests: 5, retryMs: 20_000, reachableMs: 15_000 },
    tcp: { mss: 88, keepalive: true, rcvbuf: 4096, rcvbufMax: 8192, congestion: 'newreno', rtoMinMs: 0.5, nodelay: true, msl: 0.1 },
  };
  const { inet: checked, device } = check(inet, { hub: 'a' });
  expect(device).toEqual({ kind: 'hub', name: 'a' });
  expect(checked).toMatchObject({
    addresses: inet.addresses,
    routes: [...inet.routes, { to: '0.0.0.0/0', via: '10.77.0.1' }],
    mac: '02:aa:00:00:00:01',
    mtu: 9000,
    neighbors: inet.neighbors,
    neighborDiscovery: inet.neighborDiscovery,
    tcp: inet.tcp,
  });
});

test('the largest of a pair follows the other one', () => {
  const { tcp } = inetOf({ tcp: { rcvbuf: 2 ** 30, sndbuf: 2 ** 26, rtoMinMs: 60_000 } });
  expect(tcp).toMatchObject({ rcvbufMax: 2 ** 30, sndbufMax: 2 ** 26, rtoMaxMs: 60_000 });
});

test.each([
  [{ adresses: [] }, "did you mean 'inet.addresses'?"],
  [{ addresses: ['10.77.0.2'] }, "inet.addresses[0] must be with the bits of its network's prefix, such as '10.77.0.2/24'; it is '10.77.0.2'"],
  [{ addresses: ['10.77.0.2/33'] }, "inet.addresses[0] must be an IPv4 address with the bits"],
  [{ addresses: ['10.77.0/24'] }, "inet.addresses[0] must be an IPv4 address such as '10.77.0.1'; it is '10.77.0'"],
  [{ addresses: ['10.77.0.2/24/1'] }, 'inet.addresses[0] must be an IPv4 address with the bits'],
  [{ addresses: ['here/24'] }, "it is 'here'"],
  [{ gateway: '10.77.0' }, "inet.gateway must be an IPv4 address such as '10.77.0.1'; it is '10.77.0'"],
  [{ routes: [{ to: '10.0.0.0/8', through: '10.0.0.1' }] }, "'inet.routes[0].through' is not a key"],
  [{ mac: '01:00:00:00:00:01' }, "inet.mac must be a MAC address of one station, such as '02:00:00:00:00:01'; it is '01:00:00:00:00:01'"],
  [{ mac: '00:00:00:00:00:00' }, 'inet.mac must be a MAC address of one station'],
  [{ mac: '02-00-00-00-00-01' }, 'inet.mac must be'],
  [{ mtu: 67 }, 'inet.mtu must be an integer from 68 to 65518; it is 67'],
  [{ mtu: 65519 }, 'inet.mtu must be'],
  [{ neighbors: { here: '02:00:00:00:00:01' } }, "a key of inet.neighbors must be an IPv4 address such as '10.77.0.1'; it is 'here'"],
  [{ neighbors: { '10.77.0.1': 'there' } }, "inet.neighbors['10.77.0.1'] must be a MAC address"],
  [{ neighborDiscovery: { retries: 1 } }, "'inet.neighborDiscovery.retries' is not a key"],
  [{ neighborDiscovery: { requests: 0 } }, 'inet.neighborDiscovery.requests must be an integer from 1 to 255; it is 0'],
  [{ tcp: { mss: 87 } }, 'inet.tcp.mss must be an integer from 88 to 65495; it is 87'],
  [{ tcp: { rcvbufer: 1 } }, "did you mean 'inet.tcp.rcvbuf'?"],
  [{ tcp: { rcvbuf: 1 } }, 'inet.tcp.rcvbuf must be an integer from 2048 to 1073741824; it is 1'],
  [{ tcp: { rcvbuf: 8192, rcvbufMax: 4096 } }, 'inet.tcp.rcvbufMax must be at least inet.tcp.rcvbuf, which is 8192; it is 4096'],
  [{ tcp: { rtoMinMs: 0 } }, 'inet.tcp.rtoMinMs must be a number from 0.1 to 60000; it is 0'],
  [{ tcp: { msl: Infinity } }, 'inet.tcp.msl must be a number from 0.001 to 3600; it is Infinity'],
  [{ tcp: { congestion: 'bbr' } }, "inet.tcp.congestion must be one of 'cubic', 'newreno'; it is 'bbr'"],
  [{ tcp: { initialWindow: 0 } }, 'inet.tcp.initialWindow must be an integer from 1 to 100; it is 0'],
])('%j is not valid', (inet, message) => {
  const error = errorOf(() => check(inet));
  expect(error).toMatchObject({ code: 'EINVAL', syscall: 'createLibOS' });
  expect(error.message).toContain(message);
  expect(error.message).toContain('(a test)');
});

test.each([
  [5, 'inet must be an object'],
  [{ addresses: '10.77.0.2/24' }, "inet.addresses must be an array such as ['10.77.0.2/24']"],
  [{ addresses: [5] }, 'inet.addresses[0] must be an IPv4 address'],
  [{ routes: {} }, 'inet.routes must be an array'],
  [{ routes: [{ via: '10.0.0.1' }] }, 'inet.routes[0].to must be'],
  [{ neighborDiscovery: [] }, 'inet.neighborDiscovery must be'],
  [{ neighbors: [] }, 'inet.neighbors must be an object'],
  [{ tcp: { sack: 1 } }, 'inet.tcp.sack must be true or false'],
  [{ tcp: { msl: '30' } }, 'inet.tcp.msl must be a number'],
])('%j has the wrong type', (inet, message) => {
  const error = errorOf(() => check(inet));
  expect(error).toBeInstanceOf(TypeError);
  expect(error.message).toContain(message);
});

test('IPv6 comes later', () => {
  for (const inet of [{ addresses: ['fd00::2/64'] }, { gateway: 'fd00::1' }]) {
    const error = errorOf(() => check(inet));
    expect(error).toMatchObject({ code: 'ENOTSUP' });
    expect(error.message).toContain('no IPv6 yet');
  }
});

test('devices', () => {
  for (const kind of ['tap', 'interface']) {
    expect(check({}, { [kind]: 'eth0' }).device).toEqual({ kind, name: 'eth0' });
    expect(errorOf(() => check({}, { [kind]: 'a-name-of-16-let' })).message).toContain(`device.${kind} must be the name of an interface, of at most 15 characters`);
    expect(errorOf(() => check({}, { [kind]: '' })).message).toContain(`device.${kind} must be the name`);
  }
  expect(errorOf(() => check({}, { hub: 'a', tap: 'b' })).message).toContain("device must be an object with one of 'hub', 'tap', 'interface'");
  expect(errorOf(() => check({}, { hub: 'x'.repeat(256) })).message).toContain('device.hub must be the name of an in-memory switch');
  expect(errorOf(() => check({}, { hub: 5 }))).toBeInstanceOf(TypeError);
  expect(errorOf(() => check({}, {}))).toBeInstanceOf(TypeError);
  expect(errorOf(() => check({}, 'x'))).toBeInstanceOf(TypeError);
  expect(errorOf(() => check({}, { hubb: 'x' })).message).toContain("did you mean 'device.hub'?");
  expect(errorOf(() => check({}, { hub: 'x' , mtu: 5 })).message).toContain("'device.mtu' is not a key");
  expect(errorOf(() => checkConfig({ libos: 'catpowder', dpdk: 1, devices: 1 }, 'a test')).message).toContain("did you mean 'device'?");
});

describe('for the native side', () => {
  test('numbers', () => {
    const inet = inetOf({
      addresses: ['10.77.0.2/24'], gateway: '10.77.0.1', neighbors: { '10.77.0.3': '02:00:0a:4d:00:FF' }, routes: [{ to: '192.168.0.0/16', via: '10.77.0.4' }, { to: '192.0.2.0/24' }],
    });
    const { mac, addresses, routes, neighbors, capture, connections, tcp } = nativeInet(inet, false, 'c.pcap', 7);
    expect({ capture, connections }).toEqual({ capture: 'c.pcap', connections: 7 });
    expect(nativeDevice({ kind: 'tap', name: 't' })).toEqual({ kind: 1, name: 't' });
    expect(mac).toEqual([2, 0, 10, 77, 0, 2]);
    expect(addresses).toEqual([[4, 0x0a4d0002, 0, 0, 0, 24]]);
    expect(routes).toEqual([[4, 0xc0a80000 | 0, 0, 0, 0, 16, [4, 0x0a4d0004, 0, 0, 0]], [4, 0xc0000200 | 0, 0, 0, 0, 24], [4, 0, 0, 0, 0, 0, [4, 0x0a4d0001, 0, 0, 0]]]);
    expect(neighbors).toEqual([[4, 0x0a4d0003, 0, 0, 0, [2, 0, 10, 77, 0, 255]]]);
    expect(tcp).toBe(inet.tcp);
  });

  test('a MAC address that was given', () => {
    expect(nativeInet(inetOf({ addresses: ['10.77.0.2/24'], mac: '02:01:02:03:04:05' }), true, '', 1).mac).toEqual([2, 1, 2, 3, 4, 5]);
    // Zeros: that of the device.
    expect(nativeInet(inetOf({ addresses: ['10.77.0.2/24'] }), true, '', 1).mac).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test('a link-local address is never given twice', () => {
    const [first, second] = [chooseLinkLocalAddress(), chooseLinkLocalAddress()];
    expect(first).toMatch(/^169\.254\.\d+\.\d+\/16$/);
    expect(second).not.toBe(first);
  });
});
