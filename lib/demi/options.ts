// Socket options: which type of value each has in JavaScript.

import {
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPV6_V6ONLY,
  IP_TOS,
  IP_TTL,
  SOL_SOCKET,
  SO_BROADCAST,
  SO_ERROR,
  SO_KEEPALIVE,
  SO_LINGER,
  SO_RCVBUF,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SO_SNDBUF,
  SO_TYPE,
  TCP_CONGESTION,
  TCP_INFO,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
  TCP_MAXSEG,
  TCP_NODELAY,
  TCP_USER_TIMEOUT,
} from '../core/constants';
import { invalidType, requireInteger } from '../core/arguments';
import { DemiError } from '../core/errors';
import type { NativeLibOS } from '../native/binding';
import { Area } from '../native/layout';

/** The value of `SO_LINGER`. */
export interface Linger {
  /** Whether closing waits for what was sent, or resets. */
  enabled: boolean;
  /** How long closing waits at most; 0 resets the connection at once. */
  seconds: number;
}

/**
 * What `TCP_INFO` tells of a connection: Linux's `struct tcp_info`. Times in microseconds, windows and `sndSsthresh` in segments, rates in
 * bytes per second. (tcp(7))
 */
export interface TcpInfo {
  /** The state of RFC 9293: `'ESTABLISHED'`, `'CLOSE_WAIT'`, ... */
  state: TcpState;
  /** Retransmissions of the first segment that is not acknowledged. */
  retransmits: number;
  /** Probes of a zero window, or of an idle connection, that were not answered. */
  probes: number;
  /** How often the retransmission time-out was doubled. */
  backoff: number;
  rtoUs: number;
  atoUs: number;
  sndMss: number;
  rcvMss: number;
  /** Segments that were sent and not acknowledged. */
  unacked: number;
  sacked: number;
  lost: number;
  retrans: number;
  pmtu: number;
  rcvSsthresh: number;
  /** The smoothed round-trip time. */
  rttUs: number;
  rttvarUs: number;
  sndSsthresh: number;
  sndCwnd: number;
  advmss: number;
  reordering: number;
  rcvRttUs: number;
  rcvSpace: number;
  /** Retransmitted segments, ever. */
  totalRetrans: number;
  pacingRate: number;
  bytesAcked: number;
  bytesReceived: number;
  segsOut: number;
  segsIn: number;
  notsentBytes: number;
  minRttUs: number;
  dataSegsIn: number;
  dataSegsOut: number;
  deliveryRate: number;
  bytesSent: number;
  bytesRetrans: number;
  /** The peer's window, in bytes. */
  sndWnd: number;
}

// By Linux's number (include/net/tcp_states.h).
const TCP_STATES = [
  'CLOSED',
  'ESTABLISHED',
  'SYN_SENT',
  'SYN_RECEIVED',
  'FIN_WAIT_1',
  'FIN_WAIT_2',
  'TIME_WAIT',
  'CLOSED',
  'CLOSE_WAIT',
  'LAST_ACK',
  'LISTEN',
  'CLOSING',
] as const;

/** The states of a TCP connection. (RFC 9293 3.3.2) */
export type TcpState = (typeof TCP_STATES)[number];

/** The value of a socket option. */
export type SocketOptionValue = number | boolean | string | Linger | TcpInfo;

type Kind = 'number' | 'boolean' | 'linger' | 'string' | 'info';

const KINDS = new Map<string, [name: string, kind: Kind]>();
const known = (level: number, name: string, option: number, kind: Kind): void => {
  KINDS.set(`${level}/${option}`, [name, kind]);
};
known(SOL_SOCKET, 'SO_LINGER', SO_LINGER, 'linger');
known(SOL_SOCKET, 'SO_KEEPALIVE', SO_KEEPALIVE, 'boolean');
known(SOL_SOCKET, 'SO_REUSEADDR', SO_REUSEADDR, 'boolean');
known(SOL_SOCKET, 'SO_REUSEPORT', SO_REUSEPORT, 'boolean');
known(SOL_SOCKET, 'SO_BROADCAST', SO_BROADCAST, 'boolean');
known(SOL_SOCKET, 'SO_SNDBUF', SO_SNDBUF, 'number');
known(SOL_SOCKET, 'SO_RCVBUF', SO_RCVBUF, 'number');
known(SOL_SOCKET, 'SO_ERROR', SO_ERROR, 'number');
known(SOL_SOCKET, 'SO_TYPE', SO_TYPE, 'number');
known(IPPROTO_IPV6, 'IPV6_V6ONLY', IPV6_V6ONLY, 'boolean');
known(IPPROTO_TCP, 'TCP_NODELAY', TCP_NODELAY, 'boolean');
known(IPPROTO_TCP, 'TCP_KEEPIDLE', TCP_KEEPIDLE, 'number');
known(IPPROTO_TCP, 'TCP_KEEPINTVL', TCP_KEEPINTVL, 'number');
known(IPPROTO_TCP, 'TCP_KEEPCNT', TCP_KEEPCNT, 'number');
known(IPPROTO_TCP, 'TCP_USER_TIMEOUT', TCP_USER_TIMEOUT, 'number');
known(IPPROTO_TCP, 'TCP_MAXSEG', TCP_MAXSEG, 'number');
known(IPPROTO_TCP, 'TCP_CONGESTION', TCP_CONGESTION, 'string');
known(IPPROTO_TCP, 'TCP_INFO', TCP_INFO, 'info');
known(IPPROTO_IP, 'IP_TOS', IP_TOS, 'number');
known(IPPROTO_IP, 'IP_TTL', IP_TTL, 'number');

// What an int of the kernel holds.
const NUMBER_MAX = 2 ** 31 - 1;
// Linux keeps the time in jiffies of an int; nobody lingers longer.
const LINGER_SECONDS_MAX = 65535;

/** The name and the kind of an option. @throws {@link DemiError} `ENOPROTOOPT` if there is none of that number. @internal */
export function optionKind(level: number, option: number, syscall: string, qd: number): [name: string, kind: Kind] {
  const found = KINDS.get(`${level}/${option}`);
  if (found !== undefined) return found;
  throw new DemiError('ENOPROTOOPT', syscall, { qd, detail: `there is no option ${option} at level ${level}` });
}

// A value as native code takes it: a number, and the seconds of SO_LINGER.
function optionToNative(name: string, kind: Kind, value: unknown, syscall: string): [number: number, seconds: number] {
  switch (kind) {
    case 'boolean':
      if (typeof value === 'boolean') return [value ? 1 : 0, 0];
      // As in C, where options are ints.
      if (value === 0 || value === 1) return [value, 0];
      throw invalidType(`the value of ${name}`, value, 'true or false', syscall);
    case 'linger': {
      const { enabled, seconds } = (typeof value === 'object' && value !== null ? value : {}) as { enabled?: unknown; seconds?: unknown };
      if (typeof enabled !== 'boolean') throw invalidType(`the value of ${name}`, value, '{ enabled: boolean, seconds: number }', syscall);
      return [enabled ? 1 : 0, requireInteger('seconds', seconds, 0, LINGER_SECONDS_MAX, syscall)];
    }
    case 'string':
      throw invalidType(`the value of ${name}`, value, 'a string', syscall);
    case 'info':
      throw new DemiError('EINVAL', syscall, { detail: `${name} can only be read` });
    default:
      return [requireInteger(`the value of ${name}`, value, 0, NUMBER_MAX, syscall), 0];
  }
}

/** Sets an option. Returns 0, or the errno of a refusal with its sign changed. @internal */
export function writeOption(native: NativeLibOS, slot: number, level: number, option: number, name: string, kind: Kind, value: unknown, syscall: string): number {
  if (kind === 'string' && typeof value === 'string') return native.setTextOption(slot, level, option, value);
  const [number, seconds] = optionToNative(name, kind, value, syscall);
  return native.setOption(slot, level, option, number, seconds);
}

/** The value of an option, or the errno of a refusal as `{ refused }`. @internal */
export function readOption(native: NativeLibOS, words: Int32Array, slot: number, level: number, option: number, kind: Kind): SocketOptionValue | { refused: number } {
  if (kind === 'string') {
    const text = native.textOption(slot, level, option);
    return typeof text === 'string' ? text : { refused: text };
  }
  if (kind === 'info') {
    const info = native.tcpInfo(slot);
    if (typeof info === 'number') return { refused: info };
    return { ...info, state: TCP_STATES[info['state']] ?? 'CLOSED' } as unknown as TcpInfo;
  }
  const refused = native.getOption(slot, level, option);
  if (refused < 0) return { refused };
  const first = Area.Submissions as number;
  const number = words[first + 1] * 2 ** 32 + (words[first] >>> 0);
  if (kind === 'linger') return { enabled: number !== 0, seconds: words[first + 2] };
  return kind === 'boolean' ? number !== 0 : number;
}
