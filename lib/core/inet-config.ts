// The sections of libOSes that have a TCP/IP stack of their own: `inet` and `device`.

import { isIPv4 } from 'node:net';

import { DemiError } from './errors';
import { parseEndpoint, type AddressWords } from './endpoint';
import { quoted, type ValueChecker } from './value-checker';

/**
 * What can be chosen about TCP. Times whose names end in `Ms` are in milliseconds, the others in seconds as in tcp(7); fractions are
 * allowed. Buffers are in bytes.
 */
export interface TcpConfig {
  /** The receive buffer that a connection begins with: 2048 to 1 GiB, default 256 KiB. It grows as the application reads, up to `rcvbufMax`. */
  rcvbuf?: number;
  /** Default 32 MiB. */
  rcvbufMax?: number;
  /** What may be pushed ahead of the peer's acknowledgment: 2048 to 1 GiB, default 1 MiB; it grows with the path, up to `sndbufMax`. */
  sndbuf?: number;
  /** Default 32 MiB. */
  sndbufMax?: number;
  /** Whether small segments leave at once (`TCP_NODELAY`), default false: Nagle's algorithm collects them. */
  nodelay?: boolean;
  /** How long an acknowledgment may wait for data that it can ride on: 0 to 500, default 40. (RFC 9293 3.8.6.3) */
  delayedAckMs?: number;
  /** Retransmission time-out before the first measurement, default 1000. (RFC 6298 2.1) */
  rtoInitialMs?: number;
  /** The shortest retransmission time-out: 0.1 to 60000, default 200; data centres take 1. (RFC 6298 2.4) */
  rtoMinMs?: number;
  /** The longest, default 60000. (RFC 6298 2.5) */
  rtoMaxMs?: number;
  /** `'cubic'` (RFC 9438), the default, or `'newreno'` (RFC 5681). `TCP_CONGESTION` chooses for one socket. */
  congestion?: 'cubic' | 'newreno';
  /** Segments of the first congestion window: 1 to 100, default 10. (RFC 6928) */
  initialWindow?: number;
  /** How often a SYN is sent again before a connect fails: 0 to 15, default 6. */
  synRetries?: number;
  /** How often a SYN-ACK is sent again: 0 to 15, default 5. */
  synAckRetries?: number;
  /** Connections of one listener whose handshake is not complete: 1 to 65536, default 1024. */
  synQueue?: number;
  /** How long sent data may stay unacknowledged, default 300000. (RFC 9293 3.8.3) */
  userTimeoutMs?: number;
  /** The same after the socket was closed, or the peer's window closed: default 60000. */
  orphanTimeoutMs?: number;
  /** How long a closed socket waits for the peer's end, default 60000. */
  finWait2TimeoutMs?: number;
  /** The largest segment that is sent or asked for: 88 to 65495, by default what the MTU leaves. `TCP_MAXSEG` chooses less for one socket. */
  mss?: number;
  /** Whether idle connections are probed (`SO_KEEPALIVE`), default false. (RFC 9293 3.8.4) */
  keepalive?: boolean;
  /** `TCP_KEEPIDLE` of sockets that do not say: seconds, default 7200. */
  keepIdle?: number;
  /** `TCP_KEEPINTVL`: seconds, default 75. */
  keepInterval?: number;
  /** `TCP_KEEPCNT`: 1 to 127, default 9. */
  keepCount?: number;
  /** The maximum segment lifetime in seconds, default 30: TIME-WAIT lasts two of them. (RFC 9293 3.4.2) */
  msl?: number;
  /** Connections in TIME-WAIT; the oldest ends when there is one more: 0 to 1048576, default 65536. */
  timeWaitMax?: number;
  /** Whether window scaling is offered, default true. (RFC 7323 2) */
  windowScale?: boolean;
  /** Whether timestamps are offered, default true. (RFC 7323 3) */
  timestamps?: boolean;
  /** Whether selective acknowledgments are offered, default true. (RFC 2018) */
  sack?: boolean;
  /**
   * Whether a device that can is left to cut text into segments (TSO), default true: it gets up to 64 KiB in one frame. TAP and other interfaces of
   * Linux can, and many network cards under DPDK.
   */
  segmentOffload?: boolean;
}

/** How a libOS finds the MAC addresses of its neighbors (RFC 826, RFC 4861), and for how long it takes them to be right. Times are in milliseconds. */
export interface NeighborDiscoveryConfig {
  /** How often a neighbor that does not answer is asked: 1 to 255, default 3. */
  requests?: number;
  /** Between two requests: 1 to 3600000, default 1000. (RFC 1122 2.3.2.1) */
  retryMs?: number;
  /** A neighbor that was not heard of for so long is asked again: 1 to a year, default 30000. (RFC 4861 10) */
  reachableMs?: number;
}

/** The network of a libOS that has a TCP/IP stack of its own. */
export interface InetConfig {
  /** Addresses of its own, each with the prefix of its network: `['10.77.0.2/24']`. By default one of 169.254.0.0/16 (RFC 3927). */
  addresses?: string[];
  /** The router to everywhere that no other route leads to. */
  gateway?: string;
  /** More routes: networks, each with the router that leads there. Without one, whoever has such an address is on this link. */
  routes?: { to: string; via?: string }[];
  /** Its MAC address; by default 02:00 and the four bytes of the first address, on `catnip` that of the port. */
  mac?: string;
  /** The longest packet in bytes: 68 to 65518, default 1500; on `catnip` what the port is set to. */
  mtu?: number;
  /** Neighbors that are not asked for: `{ '10.77.0.3': '02:00:0a:4d:00:03' }`. */
  neighbors?: Record<string, string>;
  /** How other neighbors are found. */
  neighborDiscovery?: NeighborDiscoveryConfig;
  /** What can be chosen about TCP. */
  tcp?: TcpConfig;
}

/**
 * What moves the frames of `catpowder`: one of these.
 *
 * - `hub`: an in-memory switch of that name. All libOSes of this thread that are plugged into it reach one another. It needs no rights.
 * - `tap`: a TAP interface of Linux, which is made if there is none of that name; the kernel is at its other end. It needs `CAP_NET_ADMIN`, unless
 *   the interface is there already and belongs to the user.
 * - `interface`: any other interface of Ethernet, by AF_PACKET, beside the kernel, which must not have the addresses of `inet`. It needs
 *   `CAP_NET_RAW`.
 *
 * A TAP or another interface has its own MTU, which holds.
 */
export type DeviceConfig = { hub: string } | { tap: string } | { interface: string };

/** `device`, checked. */
export interface ResolvedDevice {
  readonly kind: 'hub' | 'tap' | 'interface';
  /** Of the switch, or of the interface. */
  readonly name: string;
}

/** An address as the native side reads it: 4 and its words. @internal */
export type NativeAddress = [family: number, ...words: AddressWords];

/** `inet`, checked and with every default. */
export interface ResolvedInet {
  readonly addresses: readonly string[];
  readonly routes: readonly { readonly to: string; readonly via?: string }[];
  readonly mac?: string;
  /** 0: that of the device. */
  readonly mtu: number;
  readonly neighbors: Readonly<Record<string, string>>;
  readonly neighborDiscovery: Readonly<Required<NeighborDiscoveryConfig>>;
  readonly tcp: Readonly<Required<TcpConfig>>;
}

const SYSCALL = 'createLibOS';
const INET_KEYS = ['addresses', 'gateway', 'routes', 'mac', 'mtu', 'neighbors', 'neighborDiscovery', 'tcp'];
const EVERYWHERE = '0.0.0.0/0';
const MTU = { smallest: 68, largest: 65518, usual: 1500 };
const HUB_NAME_LENGTH_MAX = 255;
// IFNAMSIZ of Linux, with its zero at the end.
const INTERFACE_NAME_LENGTH_MAX = 15;
// By their numbers in addon/libos/catpowder.h.
const DEVICES = ['hub', 'tap', 'interface'] as const;

// [smallest, largest, default]
const KIB = 1024;
const MIB = 1024 * 1024;
const YEAR_MS = 365 * 24 * 3600 * 1000;
const WHOLE_NUMBERS = {
  rcvbuf: [2048, 2 ** 30, 256 * KIB],
  rcvbufMax: [2048, 2 ** 30, 32 * MIB],
  sndbuf: [2048, 2 ** 30, MIB],
  sndbufMax: [2048, 2 ** 30, 32 * MIB],
  initialWindow: [1, 100, 10],
  // 0, which nobody can give: what the MTU leaves.
  mss: [88, 65495, 0],
  synRetries: [0, 15, 6],
  synAckRetries: [0, 15, 5],
  synQueue: [1, 65536, 1024],
  keepCount: [1, 127, 9],
  timeWaitMax: [0, 2 ** 20, 65536],
} as const;
const TIMES = {
  delayedAckMs: [0, 500, 40],
  rtoInitialMs: [0.1, 60_000, 1000],
  rtoMinMs: [0.1, 60_000, 200],
  rtoMaxMs: [1, YEAR_MS, 60_000],
  userTimeoutMs: [1, YEAR_MS, 300_000],
  orphanTimeoutMs: [1, YEAR_MS, 60_000],
  finWait2TimeoutMs: [1, YEAR_MS, 60_000],
  keepIdle: [0.001, 32767, 7200],
  keepInterval: [0.001, 32767, 75],
  msl: [0.001, 3600, 30],
} as const;
const NEIGHBOR_DISCOVERY = { requests: [1, 255, 3], retryMs: [1, 3_600_000, 1000], reachableMs: [1, YEAR_MS, 30_000] } as const;
const SWITCHES = { nodelay: false, keepalive: false, windowScale: true, timestamps: true, sack: true, segmentOffload: true } as const;
const CONGESTIONS = ['cubic', 'newreno'] as const;

const keysOf = <T extends object>(object: T): (keyof T & string)[] => Object.keys(object) as (keyof T & string)[];

function checkTcp(checker: ValueChecker, value: unknown): Required<TcpConfig> {
  const keys = [...keysOf(WHOLE_NUMBERS), ...keysOf(TIMES), ...keysOf(SWITCHES), 'congestion'];
  const section = value === undefined ? {} : checker.section('inet.tcp', value, keys);
  const tcp: Record<string, unknown> = {
    congestion: section['congestion'] === undefined ? 'cubic' : checker.oneOf('inet.tcp.congestion', section['congestion'], CONGESTIONS),
  };
  for (const key of keysOf(WHOLE_NUMBERS)) {
    const [min, max, otherwise] = WHOLE_NUMBERS[key];
    tcp[key] = section[key] === undefined ? otherwise : checker.integer(`inet.tcp.${key}`, section[key], min, max);
  }
  for (const key of keysOf(TIMES)) {
    const [min, max, otherwise] = TIMES[key];
    tcp[key] = section[key] === undefined ? otherwise : checker.number(`inet.tcp.${key}`, section[key], min, max);
  }
  for (const key of keysOf(SWITCHES)) {
    tcp[key] = section[key] === undefined ? SWITCHES[key] : checker.boolean(`inet.tcp.${key}`, section[key]);
  }
  const checked = tcp as unknown as Required<TcpConfig>;
  // What the other side of a pair was not told follows it.
  for (const [least, most] of [['rcvbuf', 'rcvbufMax'], ['sndbuf', 'sndbufMax'], ['rtoMinMs', 'rtoMaxMs']] as const) {
    if (checked[least] <= checked[most]) continue;
    if (section[most] !== undefined) throw checker.wrongValue(`inet.tcp.${most}`, section[most], `at least inet.tcp.${least}, which is ${checked[least]}`);
    checked[most] = checked[least];
  }
  return checked;
}

function checkNeighborDiscovery(checker: ValueChecker, value: unknown): Required<NeighborDiscoveryConfig> {
  const section = value === undefined ? {} : checker.section('inet.neighborDiscovery', value, keysOf(NEIGHBOR_DISCOVERY));
  const discovery = { requests: 0, retryMs: 0, reachableMs: 0 };
  for (const key of keysOf(NEIGHBOR_DISCOVERY)) {
    const [min, max, otherwise] = NEIGHBOR_DISCOVERY[key];
    discovery[key] = section[key] === undefined ? otherwise : checker.integer(`inet.neighborDiscovery.${key}`, section[key], min, max);
  }
  return discovery;
}

/** An IPv4 address of a configuration. @internal */
export function checkAddress(checker: ValueChecker, key: string, value: unknown): string {
  const valid = "an IPv4 address such as '10.77.0.1'";
  const text = checker.text(key, value, valid);
  if (isIPv4(text)) return text;
  if (text.includes(':')) throw new DemiError('ENOTSUP', SYSCALL, { detail: `${key} is ${text}, and the stack has no IPv6 yet (${checker.source})` });
  throw checker.wrongValue(key, value, valid);
}

function checkNetwork(checker: ValueChecker, key: string, value: unknown): string {
  const valid = "an IPv4 address with the bits of its network's prefix, such as '10.77.0.2/24'";
  const text = checker.text(key, value, valid);
  const [address, bits, more] = text.split('/');
  if (bits === undefined && isIPv4(address)) throw checker.wrongValue(key, value, `with the bits of its network's prefix, such as '${address}/24'`);
  if (more !== undefined || !/^\d{1,2}$/.test(bits ?? '') || Number(bits) > 32) {
    if (!address.includes(':')) throw checker.wrongValue(key, value, valid);
  }
  checkAddress(checker, key, address);
  return `${address}/${Number(bits)}`;
}

/** The MAC address of one station. @internal */
export function checkMac(checker: ValueChecker, key: string, value: unknown): string {
  const valid = "a MAC address of one station, such as '02:00:00:00:00:01'";
  const text = checker.text(key, value, valid).toLowerCase();
  // The lowest bit of the first byte says that it is a group's.
  if (/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(text) && (parseInt(text.slice(0, 2), 16) & 1) === 0 && !/^[0:]*$/.test(text)) return text;
  throw checker.wrongValue(key, value, valid);
}

function listOf<T>(checker: ValueChecker, key: string, value: unknown, valid: string, check: (key: string, item: unknown) => T): T[] {
  if (!Array.isArray(value)) throw checker.wrongType(key, value, valid);
  return value.map((item, index) => check(`${key}[${index}]`, item));
}

function checkInetSection(checker: ValueChecker, value: unknown, usualMtu: number): ResolvedInet {
  const section = value === undefined ? {} : checker.section('inet', value, INET_KEYS);
  const { addresses, gateway, routes, mac, mtu, neighbors, neighborDiscovery, tcp } = section;
  const checkedRoutes: { to: string; via?: string }[] = routes === undefined ? [] : listOf(checker, 'inet.routes', routes, "an array such as [{ to: '10.1.0.0/16', via: '10.77.0.1' }]", (key, route) => {
    const { to, via } = checker.section(key, route, ['to', 'via']);
    const network = checkNetwork(checker, `${key}.to`, to);
    return via === undefined ? { to: network } : { to: network, via: checkAddress(checker, `${key}.via`, via) };
  });
  if (gateway !== undefined) checkedRoutes.push({ to: EVERYWHERE, via: checkAddress(checker, 'inet.gateway', gateway) });
  const checkedNeighbors: Record<string, string> = {};
  if (neighbors !== undefined) {
    if (typeof neighbors !== 'object' || neighbors === null || Array.isArray(neighbors)) {
      throw checker.wrongType('inet.neighbors', neighbors, "an object such as { '10.77.0.3': '02:00:0a:4d:00:03' }");
    }
    for (const [address, at] of Object.entries(neighbors)) {
      checkedNeighbors[checkAddress(checker, 'a key of inet.neighbors', address)] = checkMac(checker, `inet.neighbors['${address}']`, at);
    }
  }
  return {
    addresses: addresses === undefined ? [] : listOf(checker, 'inet.addresses', addresses, "an array such as ['10.77.0.2/24']", (key, one) => checkNetwork(checker, key, one)),
    routes: checkedRoutes,
    ...(mac === undefined ? {} : { mac: checkMac(checker, 'inet.mac', mac) }),
    mtu: mtu === undefined ? usualMtu : checker.integer('inet.mtu', mtu, MTU.smallest, MTU.largest),
    neighbors: checkedNeighbors,
    neighborDiscovery: checkNeighborDiscovery(checker, neighborDiscovery),
    tcp: checkTcp(checker, tcp),
  };
}

function checkDevice(checker: ValueChecker, value: unknown): ResolvedDevice {
  if (value === undefined) return { kind: 'hub', name: '' };
  const section = checker.section('device', value, DEVICES);
  const given = DEVICES.filter((kind) => section[kind] !== undefined);
  if (given.length !== 1) throw checker.wrongType('device', value, `an object with one of ${quoted(DEVICES)}`);
  const [kind] = given;
  const most = kind === 'hub' ? HUB_NAME_LENGTH_MAX : INTERFACE_NAME_LENGTH_MAX;
  const what = kind === 'hub' ? 'an in-memory switch' : 'an interface';
  const valid = `the name of ${what}, of at most ${most} characters`;
  const name = checker.text(`device.${kind}`, section[kind], valid);
  if (name.length > most || (kind !== 'hub' && name === '')) throw checker.wrongValue(`device.${kind}`, name, valid);
  return { kind, name };
}

/**
 * Checks the sections `inet` and `device`, and fills in the defaults.
 *
 * @throws TypeError or {@link DemiError} `EINVAL` for what is not valid, `ENOTSUP` for what is not in this build.
 * @internal
 */
export function checkInet(checker: ValueChecker, inet: unknown, device: unknown): { inet: ResolvedInet; device: ResolvedDevice } {
  return { inet: checkInetSection(checker, inet, MTU.usual), device: checkDevice(checker, device) };
}

/** The same of a libOS whose device has addresses of its own, and an MTU: without `inet.mtu` that holds. @internal */
export function checkInetOfPort(checker: ValueChecker, inet: unknown): ResolvedInet {
  const checked = checkInetSection(checker, inet, 0);
  if (checked.addresses.length > 0) return checked;
  throw checker.wrongValue('inet.addresses', [], "an array with an IPv4 address of the port's network, such as ['10.77.0.2/24']");
}

// --- for the native side ---

const addressOf = (text: string): NativeAddress => [4, ...parseEndpoint({ address: text, port: 0 }, SYSCALL).words];
const networkOf = (text: string): [...NativeAddress, number] => {
  const [address, bits] = text.split('/');
  return [...addressOf(address), Number(bits)];
};
const octetsOf = (mac: string): number[] => mac.split(':').map((octet) => parseInt(octet, 16));

/** What moves the frames of `catpowder`, as addon/binding/inet_settings.cc reads it. */
export interface NativeDevice {
  /** 0 a hub, 1 a TAP interface, 2 another interface. */
  kind: number;
  name: string;
}

/** What a stack is made of, as addon/binding/inet_settings.cc reads it. */
export interface NativeInet {
  /** A file for a capture, or empty. */
  capture: string;
  connections: number;
  mac: number[];
  mtu: number;
  addresses: [...NativeAddress, prefix: number][];
  routes: [...NativeAddress, prefix: number, via?: NativeAddress][];
  neighbors: [...NativeAddress, mac: number[]][];
  neighborDiscovery: Readonly<Required<NeighborDiscoveryConfig>>;
  tcp: Readonly<Required<TcpConfig>>;
}

/** `device` as the native side reads it. @internal */
export const nativeDevice = ({ kind, name }: ResolvedDevice): NativeDevice => ({ kind: DEVICES.indexOf(kind), name });

/**
 * `inet` as the native side reads it; `addresses` is not empty.
 *
 * @param hasOwnMac - the device has a MAC address, and that is to be ours unless another was chosen: all zeros say so.
 * @internal
 */
export function nativeInet(inet: ResolvedInet, hasOwnMac: boolean, capture: string, connections: number): NativeInet {
  const addresses = inet.addresses.map(networkOf);
  const word = addresses[0][1];
  const derived = hasOwnMac ? [0, 0, 0, 0, 0, 0] : [2, 0, word >>> 24, (word >>> 16) & 0xff, (word >>> 8) & 0xff, word & 0xff];
  return {
    capture,
    connections,
    mac: inet.mac === undefined ? derived : octetsOf(inet.mac),
    mtu: inet.mtu,
    addresses,
    routes: inet.routes.map(({ to, via }) => (via === undefined ? networkOf(to) : [...networkOf(to), addressOf(via)])),
    neighbors: Object.entries(inet.neighbors).map(([address, mac]) => [...addressOf(address), octetsOf(mac)]),
    neighborDiscovery: inet.neighborDiscovery,
    tcp: inet.tcp,
  };
}

// RFC 3927 2.1: the first and the last 256 addresses of 169.254.0.0/16 are reserved.
const LINK_LOCAL_FIRST = 256;
const LINK_LOCAL_COUNT = 65536 - 2 * 256;
let chosen = 0;

/** An address of 169.254.0.0/16 that no other libOS of this thread was given. @internal */
export function chooseLinkLocalAddress(): string {
  const host = LINK_LOCAL_FIRST + (chosen++ % LINK_LOCAL_COUNT);
  return `169.254.${host >> 8}.${host & 0xff}/16`;
}
