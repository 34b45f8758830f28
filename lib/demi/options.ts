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

/** The value of `SO_LINGER`. */
export interface Linger {
  /** Whether closing waits for what was sent, or resets. */
  enabled: boolean;
  /** How long closing waits at most; 0 resets the connection at once. */
  seconds: number;
}

/** The value of a socket option. */
export type SocketOptionValue = number | boolean | string | Linger;

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

/** A value as native code takes it: a number, and the seconds of SO_LINGER. @internal */
export function optionToNative(name: string, kind: Kind, value: unknown, syscall: string): [number: number, seconds: number] {
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
      if (typeof value !== 'string') throw invalidType(`the value of ${name}`, value, 'a string', syscall);
      return [0, 0];
    case 'info':
      throw new DemiError('EINVAL', syscall, { detail: `${name} can only be read` });
    default:
      return [requireInteger(`the value of ${name}`, value, 0, NUMBER_MAX, syscall), 0];
  }
}
