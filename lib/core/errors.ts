// DemiError, the one error class of the API, and the table of its codes. The numbers are Linux's on every platform, as in
// addon/base/errno.h; a unit test compares the two lists.

/** Code -> [Linux errno number, what it means in plain words]. */
const ERRORS = {
  EPERM: [1, 'operation not permitted'],
  ENOENT: [2, 'no such file or directory'],
  EIO: [5, 'input or output error'],
  EBADF: [9, 'not an open queue descriptor'],
  EAGAIN: [11, 'a limit is reached, try again later'],
  ENOMEM: [12, 'out of memory'],
  EACCES: [13, 'permission denied'],
  EFAULT: [14, 'bad address'],
  EEXIST: [17, 'already exists'],
  EBUSY: [16, 'device or resource busy'],
  ENODEV: [19, 'no such device'],
  EINVAL: [22, 'invalid argument'],
  EMFILE: [24, 'too many open queue descriptors'],
  EPIPE: [32, 'broken pipe'],
  EDEADLK: [35, 'waiting would never end'],
  EDESTADDRREQ: [89, 'destination address required'],
  EMSGSIZE: [90, 'message too long'],
  EPROTOTYPE: [91, 'wrong protocol for this type of socket'],
  ENOPROTOOPT: [92, 'option not available'],
  EPROTONOSUPPORT: [93, 'protocol not supported'],
  ENOTSUP: [95, 'operation not supported'],
  EOPNOTSUPP: [95, 'operation not supported'],
  EAFNOSUPPORT: [97, 'address family not supported'],
  EADDRINUSE: [98, 'address already in use'],
  EADDRNOTAVAIL: [99, 'address not available'],
  ENETDOWN: [100, 'network is down'],
  ENETUNREACH: [101, 'network is unreachable'],
  ECONNABORTED: [103, 'connection aborted'],
  ECONNRESET: [104, 'connection reset by peer'],
  ENOBUFS: [105, 'no buffer space available'],
  EISCONN: [106, 'already connected'],
  ENOTCONN: [107, 'not connected'],
  ETIMEDOUT: [110, 'timed out'],
  ECONNREFUSED: [111, 'connection refused'],
  EHOSTUNREACH: [113, 'host is unreachable'],
  EALREADY: [114, 'already in progress'],
  EINPROGRESS: [115, 'in progress'],
  ECANCELED: [125, 'canceled'],
} as const satisfies Record<string, readonly [number, string]>;

/** The codes that a {@link DemiError} can carry; `EUNKNOWN` stands for an error number outside the list. */
export type ErrorCode = keyof typeof ERRORS | 'EUNKNOWN';

const CODE_OF_NUMBER = new Map<number, ErrorCode>();
for (const [code, [number]] of Object.entries(ERRORS)) {
  // Two codes share 95; the first one, ENOTSUP, is the one that the API speaks of.
  if (!CODE_OF_NUMBER.has(number)) CODE_OF_NUMBER.set(number, code as ErrorCode);
}

/**
 * Gives the code that belongs to an error number.
 *
 * @param errno - a Linux error number, positive as the native side counts or negative as `DemiError.errno` has it.
 * @returns the code, `'EUNKNOWN'` for a number that is not in the list.
 */
export function errnoName(errno: number): ErrorCode {
  return CODE_OF_NUMBER.get(Math.abs(errno)) ?? 'EUNKNOWN';
}

/**
 * Gives the Linux error number that belongs to a code, positive.
 *
 * @returns the number, 0 for `'EUNKNOWN'`.
 */
export function errnoNumber(code: ErrorCode): number {
  return code === 'EUNKNOWN' ? 0 : ERRORS[code][0];
}

/**
 * Says whether a text is one of the codes that a {@link DemiError} can carry.
 */
export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && (Object.hasOwn(ERRORS, code) || code === 'EUNKNOWN');
}

/** What a {@link DemiError} knows beside its code and its call. */
export interface DemiErrorDetails {
  /** The rest of the message: the argument at fault, its value, what would be valid. */
  detail?: string;
  /** The queue descriptor that the call was about. */
  qd?: number;
  /** The address that the call was about. */
  address?: string;
  /** The port that the call was about. */
  port?: number;
  /** How many bytes of a failed or cancelled push had been accepted: so much of the message is on its way. */
  bytesAccepted?: number;
  /** What caused it: the reason of an aborted signal, the error of a file that could not be read. */
  cause?: unknown;
}

function composeMessage(code: ErrorCode, syscall: string, details: DemiErrorDetails): string {
  const words = code === 'EUNKNOWN' ? 'unknown error' : ERRORS[code][1];
  let message = `${code}: ${words}, ${syscall}`;
  if (details.address !== undefined) {
    const address = details.address.includes(':') ? `[${details.address}]` : details.address;
    message += details.port === undefined ? ` ${details.address}` : ` ${address}:${details.port}`;
  }
  if (details.qd !== undefined) message += ` (qd ${details.qd})`;
  if (details.detail !== undefined) message += `: ${details.detail}`;
  return message;
}

/**
 * The error of every call and every token.
 *
 * It is thrown at the call when nothing happened, and comes through the token (as the rejection, or as `error` of a result whose
 * opcode is `'failed'`) when the peer, the network or time decided. Which codes a call has is on its own page. A wrong JavaScript
 * type is a `TypeError` and not a `DemiError`.
 *
 * @example
 * ```ts
 * import { AF_INET, DemiError, SOCK_STREAM, demi_connect, demi_socket } from 'demi-io';
 *
 * async function connect(address: string, port: number): Promise<number | undefined> {
 *   const qd = demi_socket(AF_INET, SOCK_STREAM, 0);
 *   try {
 *     await demi_connect(qd, { address, port });
 *     return qd;
 *   } catch (error) {
 *     if (error instanceof DemiError && error.code === 'ECONNREFUSED') return undefined;
 *     throw error;
 *   }
 * }
 * ```
 */
export class DemiError extends Error {
  /** The code, such as `'ECONNREFUSED'`. */
  readonly code: ErrorCode;
  /** The error number, negative, as Node's own errors have it; Linux's numbers on every platform. */
  readonly errno: number;
  /** The call, without its prefix: `'connect'` for `demi_connect` and `os.connect`. */
  readonly syscall: string;
  /** The queue descriptor that the call was about. */
  declare readonly qd?: number;
  /** The address that the call was about. */
  declare readonly address?: string;
  /** The port that the call was about. */
  declare readonly port?: number;
  /** How many bytes of a failed or cancelled push had been accepted: so much of the message is on its way. */
  declare readonly bytesAccepted?: number;

  /**
   * Makes an error with the message `CODE: plain words, syscall address:port (qd): detail`, as far as the parts are known.
   */
  constructor(code: ErrorCode, syscall: string, details: DemiErrorDetails = {}) {
    super(composeMessage(code, syscall, details), 'cause' in details ? { cause: details.cause } : undefined);
    this.code = code;
    this.errno = -errnoNumber(code);
    this.syscall = syscall;
    // Only what is known becomes a property, so that a printed error shows no line of undefined.
    for (const name of ['qd', 'address', 'port', 'bytesAccepted'] as const) {
      if (details[name] !== undefined) Object.defineProperty(this, name, { value: details[name], enumerable: true });
    }
  }

  /**
   * Makes the error for a number that came from the native side.
   *
   * @param errno - a Linux error number, positive or negative; one that is not in the list makes an `EUNKNOWN`.
   */
  static fromErrno(errno: number, syscall: string, details: DemiErrorDetails = {}): DemiError {
    const code = errnoName(errno);
    if (code !== 'EUNKNOWN') return new DemiError(code, syscall, details);
    const number = `error number ${Math.abs(errno)}`;
    return new DemiError(code, syscall, { ...details, detail: details.detail ? `${number}, ${details.detail}` : number });
  }
}

// On the prototype, where Node's own classes have it: a property of each error would be printed with it.
Object.defineProperty(DemiError.prototype, 'name', { value: 'DemiError', writable: true, configurable: true });
