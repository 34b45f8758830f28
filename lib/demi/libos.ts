// LibOS: the API as methods. A call checks its arguments, writes a submission, and lets the engine make the token. The demi_* functions
// of default-libos.ts are the same calls on the default libOS.

import { checkConfig, type LibOSConfig, type ResolvedConfig } from '../core/config';
import { describe, invalidType, invalidValue, requireDeadline, requireInteger, requireOneOf, requireOptions, requireSignal, requireString, requireTimeout } from '../core/arguments';
import { AF_INET, AF_INET6, SHUT_RD, SHUT_RDWR, SHUT_WR, SOCK_DGRAM, SOCK_STREAM } from '../core/constants';
import { formatEndpoint, parseEndpoint, type Endpoint, type ParsedEndpoint } from '../core/endpoint';
import { DemiError, type DemiErrorDetails } from '../core/errors';
import { chooseLinkLocalAddress, nativeDevice, nativeInet } from '../core/inet-config';
import { DPDK_PLUGIN, type NativeStats } from '../native/binding';
import { Area, Entry, Flag, Header, slotBits, Status } from '../native/layout';
import { submitBatch, type Submission, type TokensOf } from './batch';
import { Engine } from './engine';
import { environment, type Environment } from './environment';
import { AcceptIterator, DatagramIterator, StreamIterator, type ReceivedDatagram } from './iterators';
import { optionKind, readOption, writeOption, type SocketOptionValue } from './options';
import type {
  AcceptResult,
  CloseResult,
  ConnectResult,
  FailedResult,
  OperationOptions,
  PopResult,
  PushOptions,
  PushResult,
  ShutdownResult,
  Success,
} from './results';
import { SgArray } from './sgarray';
import { stageBytes } from './staging';
import { Failure, OPCODE_NAMES, QToken } from './token';
import { wait, waitAll, waitAny, waitNextN, type AllOf, type AnyOf } from './waiting';
import { requireToken, WaitSet } from './wait-set';

const PUSH = 1;
const POP = 2;
const ACCEPT = 3;
const CONNECT = 4;
const CLOSE = 5;
const SHUTDOWN = 6;
const E = Area.Submissions as number;

const DEFAULT_QUEUE_CAPACITY = 1024;
const DEFAULT_DRAIN_MS = 1000;
const BACKLOG_MAX = 65535;
const PIPE_NAME_MAX = 255;
const POP_SIZE_MAX = 2 ** 31 - 1;
const EAGAIN = 11;
const EINVAL = 22;
const NOT_LISTENING: DemiErrorDetails = { detail: 'the queue does not listen; call listen() first' };

/** What `stats()` gives: counters since the libOS was made, and what is outstanding now. */
export interface LibOSStats extends NativeStats {
  /** Finished pops and accepts whose result nobody has collected. */
  tokensUncollected: number;
  /** Failures that nobody had collected when the event loop came round again. */
  failuresUncollected: number;
}

/** An operation that has not finished, as `pending()` lists it. */
export interface PendingOperation {
  /** Its token. */
  qt: QToken;
  /** What it does. */
  opcode: Success['opcode'];
  /** The queue it is on. */
  qd: number;
  /** Milliseconds since it started. */
  ageMs: number;
}

/** What `info()` gives. */
export interface LibOSInfo {
  /** The name of the libOS. */
  libos: string;
  /** Where its configuration came from. */
  origin: string;
  /** The configuration, with every default filled in. */
  config: ResolvedConfig;
  /** Whether `DEMI_CHECK=1` gives each SgArray memory of its own. */
  checks: boolean;
}

/** Options of `stop()` and `demi_fini()`; the earlier of the two counts, 1 second if neither is given. */
export interface StopOptions {
  /** Connections may drain for this many milliseconds. */
  timeout?: number;
  /** Connections may drain until this time on {@link LibOS.now}. */
  deadline?: number;
}

/** The two ends of a connection, as {@link ReceiveSideScaling.queueFor} takes them. Which is whose makes no difference. */
export interface Flow {
  /** Our end: an address and a port. */
  local: Endpoint | string;
  /** The peer's. */
  remote: Endpoint | string;
}

/**
 * How the connections of an interface are shared out among the libOSes on it (receive-side scaling): by a Toeplitz hash of addresses and ports whose
 * key is symmetric, so that both directions have the same. A libOS that has its interface for itself has queue 0 of 1.
 */
export interface ReceiveSideScaling {
  /** Queues of the interface. */
  readonly queues: number;
  /** The queue of this libOS. */
  readonly queue: number;
  /**
   * The queue that a connection's packets come to while each queue has a libOS.
   *
   * @throws TypeError or {@link DemiError} `EINVAL` for what is not the two ends of a connection.
   */
  queueFor(flow: Flow): number;
}

// A stack has an address, and takes one for itself when it is given none.
function withAddress(config: ResolvedConfig): ResolvedConfig {
  if (config.inet === undefined || config.inet.addresses.length > 0) return config;
  return { ...config, inet: { ...config.inet, addresses: [chooseLinkLocalAddress()] } };
}

/**
 * A libOS: queues, the operations on them, and what moves their bytes. Made by {@link createLibOS}; it belongs to the thread that made it.
 *
 * Calls that return a token start an operation and return at once. What was wrong with the call itself is thrown and nothing has
 * happened then; what the peer, the network or time decides comes through the token.
 *
 * @example
 * ```ts
 * import { AF_INET, SOCK_STREAM, createLibOS } from 'demi-io';
 *
 * async function main(): Promise<void> {
 *   await using os = createLibOS({ libos: 'loopback' });
 *   const listener = os.socket(AF_INET, SOCK_STREAM, 0);
 *   os.bind(listener, '127.0.0.1:0');
 *   os.listen(listener, 16);
 *   const client = os.socket(AF_INET, SOCK_STREAM, 0);
 *   await os.connect(client, os.getsockname(listener));
 *   const { newQd } = await os.accept(listener);
 *   os.push(client, 'ping');
 *   const { sga } = await os.pop(newQd);
 *   console.log(sga.toBuffer().toString());
 *   sga.free();
 * }
 * ```
 */
export class LibOS {
  /** @internal */
  readonly engine: Engine;
  private readonly origin: string;
  private stopping: Promise<void> | undefined;

  /** @internal */
  constructor(given: ResolvedConfig, origin: string, env: Environment) {
    this.origin = origin;
    const config = withAddress(given);
    const checks = process.env['DEMI_CHECK'] === '1';
    const engineRef: { engine: Engine | undefined } = { engine: undefined };
    const native = env.module.create(
      {
        libos: config.libos,
        queues: config.limits.queues,
        tokens: config.limits.tokens,
        connections: config.limits.connections,
        bufferBytes: config.limits.bufferBytes,
        poll: { adaptive: 0, busy: 1, sleep: 2 }[config.poll],
        poison: checks,
        namespace: config.loopback.namespace,
        ...(config.inet === undefined ? {} : { inet: nativeInet(config.inet, config.dpdk !== undefined, process.env['DEMI_PCAP'] ?? '', config.limits.connections) }),
        ...(config.device === undefined ? {} : { device: nativeDevice(config.device) }),
        ...(config.dpdk === undefined ? {} : { dpdk: { ...config.dpdk, plugin: DPDK_PLUGIN } }),
        ...(config.affinity === undefined ? {} : { affinity: config.affinity }),
      },
      () => engineRef.engine?.environment.drain(),
    );
    if (Array.isArray(native)) throw DemiError.fromErrno(native[0], 'createLibOS', { detail: `${native[1]} (${origin})` });
    if (typeof native === 'number') {
      const detail = config.affinity === undefined ? undefined : `affinity is ${config.affinity}, which is no CPU that this process may use`;
      throw DemiError.fromErrno(native, 'createLibOS', { detail });
    }
    this.engine = engineRef.engine = new Engine(env, config, checks, native);
  }

  // --- queues ---

  /**
   * Makes a socket and returns its queue descriptor.
   *
   * @param domain - `AF_INET` or `AF_INET6`.
   * @param type - `SOCK_STREAM` or `SOCK_DGRAM`.
   * @param protocol - 0, or the protocol of the type: `IPPROTO_TCP`, `IPPROTO_UDP`.
   * @throws {@link DemiError} `ENOTSUP` if the libOS has no such sockets, `EMFILE` if `limits.queues` are open or, on `catnap`, the process
   * may open no more files (`ulimit -n`). (socket(2))
   */
  socket(domain: number, type: number, protocol = 0): number {
    this.engine.requireRunning('socket');
    const family = this.oneOfNumbers('domain', domain, { AF_INET, AF_INET6 }) === AF_INET ? 4 : 6;
    const kind = this.oneOfNumbers('type', type, { SOCK_STREAM, SOCK_DGRAM });
    requireInteger('protocol', protocol, 0, 255, 'socket');
    const slot = this.engine.native.socket(family, kind, protocol);
    return this.opened(slot, 'socket', () => `protocol ${protocol} does not go with type ${type}; 0 always does`);
  }

  // What is no socket of ours is not supported; only what is no number at all is a mistake of type.
  private oneOfNumbers(name: string, value: unknown, valid: Record<string, number>): number {
    try {
      return requireOneOf(name, value, valid, 'socket');
    } catch (error) {
      if (!(error instanceof DemiError)) throw error;
      const list = Object.entries(valid).map(([key, number]) => `${key} (${number})`);
      throw new DemiError('ENOTSUP', 'socket', { detail: `${name} must be ${list.join(' or ')}; it is ${describe(value)}` });
    }
  }

  private opened(slot: number, syscall: string, whyNotSupported?: () => string): number {
    if (slot >= 0) return this.engine.opened(slot);
    const error = DemiError.fromErrno(slot, syscall);
    if (error.code === 'ECANCELED') throw new DemiError('EINVAL', syscall, { detail: 'the libOS is being stopped; createLibOS makes another' });
    if (error.code === 'EMFILE' && this.engine.native.stats().queues >= this.engine.config.limits.queues) {
      throw new DemiError('EMFILE', syscall, { detail: `limits.queues (${this.engine.config.limits.queues}) are open; close some` });
    }
    if (error.code === 'EMFILE') throw new DemiError('EMFILE', syscall, { detail: 'the process may open no more files (ulimit -n); close some' });
    throw whyNotSupported !== undefined && error.code === 'ENOTSUP' ? new DemiError('ENOTSUP', syscall, { detail: whyNotSupported() }) : error;
  }

  /**
   * Makes an anonymous memory queue and returns its descriptor. A pop gives one message, or its next part if it asks for less.
   *
   * @param capacity - how many messages it holds before pushes wait, 1024 by default; 0 makes a rendezvous: a push finishes when somebody
   * pops.
   * @throws {@link DemiError} `EMFILE` if `limits.queues` are open, `EINVAL` for another capacity than an integer from 0.
   */
  queue(capacity: number = DEFAULT_QUEUE_CAPACITY): number {
    this.engine.requireRunning('queue');
    requireInteger('capacity', capacity, 0, Number.MAX_SAFE_INTEGER, 'queue');
    return this.opened(this.engine.native.queue(capacity), 'queue');
  }

  /**
   * Makes a memory queue with a name, which {@link LibOS.openPipe} finds, in this libOS and in others of its namespace. The name lasts as
   * long as one of the queue's descriptors is open.
   *
   * @throws {@link DemiError} `EEXIST` if the name is taken, `EINVAL` if it is empty or longer than 255 characters, `EMFILE`.
   */
  createPipe(name: string): number {
    const known = this.pipeName(name, 'createPipe');
    const slot = this.engine.native.createPipe(known, DEFAULT_QUEUE_CAPACITY);
    if (slot < 0 && DemiError.fromErrno(slot, 'createPipe').code === 'EEXIST') {
      throw new DemiError('EEXIST', 'createPipe', { detail: `there is a pipe named ${describe(name)} already; openPipe() opens it` });
    }
    return this.opened(slot, 'createPipe');
  }

  /**
   * Opens a memory queue by its name and returns another descriptor of it: both push to and pop from the same queue.
   *
   * @throws {@link DemiError} `ENOENT` if nobody has created it, `EINVAL` as {@link LibOS.createPipe}, `EMFILE`.
   */
  openPipe(name: string): number {
    const known = this.pipeName(name, 'openPipe');
    const slot = this.engine.native.openPipe(known);
    if (slot < 0 && DemiError.fromErrno(slot, 'openPipe').code === 'ENOENT') {
      throw new DemiError('ENOENT', 'openPipe', { detail: `there is no pipe named ${describe(name)}; createPipe() makes it` });
    }
    return this.opened(slot, 'openPipe');
  }

  private pipeName(name: unknown, syscall: string): string {
    this.engine.requireRunning(syscall);
    const known = requireString('name', name, syscall);
    if (known.length >= 1 && known.length <= PIPE_NAME_MAX) return known;
    throw invalidValue('name', name, `of 1 to ${PIPE_NAME_MAX} characters`, syscall);
  }

  // --- calls that finish at once ---

  /**
   * Gives a socket its local endpoint. The wildcard address and port 0 (any free port) work on every libOS. (bind(2))
   *
   * `loopback` takes every unicast address as its own; `catnap` those of this machine, and a port that has connections in TIME-WAIT only
   * with `SO_REUSEADDR`.
   *
   * @throws {@link DemiError} `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES` (a privileged port, on `catnap`), `EINVAL` (no address, another family, or bound already), `EBADF`, `ENOTSUP` (a
   * memory queue).
   */
  bind(qd: number, addr: Endpoint | string): void {
    const slot = this.engine.slotOf(qd, 'bind');
    const endpoint = parseEndpoint(addr, 'bind');
    this.engine.writeEndpoint(endpoint);
    this.engine.check(this.engine.native.bind(slot), 'bind', this.about(qd, endpoint));
  }

  private about(qd: number, endpoint: ParsedEndpoint): DemiErrorDetails {
    const { address, port } = this.text(endpoint);
    return { qd, address, port };
  }

  private text({ family, words, port, scopeId }: ParsedEndpoint): Endpoint {
    return formatEndpoint(family, words[0], words[1], words[2], words[3], port, scopeId);
  }

  /**
   * Lets a bound stream socket take connections. (listen(2))
   *
   * @param backlog - how many connections wait to be accepted, 0 to 65535; 0 counts as 1. When they are so many, further connects wait.
   * @throws {@link DemiError} `EDESTADDRREQ` if it is not bound, `EISCONN`, `EADDRINUSE`, `EINVAL`, `EBADF`, `ENOTSUP` (a datagram socket).
   */
  listen(qd: number, backlog: number): void {
    const slot = this.engine.slotOf(qd, 'listen');
    requireInteger('backlog', backlog, 0, BACKLOG_MAX, 'listen');
    const result = this.engine.native.listen(slot, backlog);
    this.engine.takeCompletions();
    this.engine.check(result, 'listen', { qd });
  }

  /**
   * Sets a socket option. (setsockopt(2), socket(7), tcp(7), ip(7))
   *
   * `catnap` has all that this package exports: `SO_LINGER SO_KEEPALIVE SO_REUSEADDR SO_REUSEPORT SO_BROADCAST SO_SNDBUF SO_RCVBUF
   * IPV6_V6ONLY TCP_NODELAY TCP_KEEPIDLE TCP_KEEPINTVL TCP_KEEPCNT TCP_USER_TIMEOUT TCP_MAXSEG TCP_CONGESTION IP_TOS IP_TTL`, and to be read
   * `SO_ERROR SO_TYPE TCP_INFO`. `loopback` has `SO_LINGER SO_REUSEADDR SO_SNDBUF SO_RCVBUF TCP_NODELAY IPV6_V6ONLY SO_ERROR SO_TYPE`.
   * `SO_LINGER` never blocks the thread: `{ enabled: true, seconds }` lets the token of the close wait for the peer's acknowledgement,
   * and 0 seconds reset the connection at once. The kernel doubles what `SO_SNDBUF` and `SO_RCVBUF` are set to.
   *
   * @param value - a number, a boolean, a string for `TCP_CONGESTION`, `{ enabled, seconds }` for `SO_LINGER`.
   * @throws {@link DemiError} `ENOPROTOOPT` if the libOS does not have the thing, `EINVAL` for a value that is not valid, `EBADF`.
   */
  setsockopt(qd: number, level: number, name: number, value: SocketOptionValue): void {
    const slot = this.engine.slotOf(qd, 'setsockopt');
    this.requireOptionNumbers(level, name, 'setsockopt');
    const [word, kind] = optionKind(level, name, 'setsockopt', qd);
    const result = writeOption(this.engine.native, slot, level, name, word, kind, value, 'setsockopt');
    this.engine.check(result, 'setsockopt', { qd, detail: `${word} = ${describe(value)} on ${this.engine.config.libos}` });
  }

  /**
   * Reads a socket option: a boolean for those that are on or off, `{ enabled, seconds }` for `SO_LINGER`, a string for `TCP_CONGESTION`,
   * a {@link TcpInfo} for `TCP_INFO`, otherwise a number. Reading
   * `SO_ERROR` clears it; it is a Linux error number, 0 for none. (getsockopt(2))
   *
   * @throws {@link DemiError} `ENOPROTOOPT`, `EBADF`.
   */
  getsockopt(qd: number, level: number, name: number): SocketOptionValue {
    const slot = this.engine.slotOf(qd, 'getsockopt');
    this.requireOptionNumbers(level, name, 'getsockopt');
    const [word, kind] = optionKind(level, name, 'getsockopt', qd);
    const { native, words } = this.engine;
    const value = readOption(native, words, slot, level, name, kind);
    if (typeof value !== 'object' || !('refused' in value)) return value;
    throw DemiError.fromErrno(value.refused, 'getsockopt', { qd, detail: `${word} on ${this.engine.config.libos}` });
  }

  private requireOptionNumbers(level: unknown, name: unknown, syscall: string): void {
    requireInteger('level', level, 0, 2 ** 31 - 1, syscall);
    requireInteger('name', name, 0, 2 ** 31 - 1, syscall);
  }

  /**
   * The local endpoint of a socket; the wildcard address and port 0 if it has none yet. (getsockname(2))
   *
   * @throws {@link DemiError} `EBADF`, `ENOTSUP` (a memory queue).
   */
  getsockname(qd: number): Endpoint {
    return this.endpoint(qd, 0, 'getsockname');
  }

  /**
   * The endpoint of a socket's peer. (getpeername(2))
   *
   * @throws {@link DemiError} `ENOTCONN`, `EBADF`, `ENOTSUP` (a memory queue).
   */
  getpeername(qd: number): Endpoint {
    return this.endpoint(qd, 1, 'getpeername');
  }

  private endpoint(qd: number, which: 0 | 1, syscall: string): Endpoint {
    const { engine } = this;
    const slot = engine.slotOf(qd, syscall);
    engine.check(engine.native.endpoint(slot, which), syscall, { qd });
    return engine.readEndpoint(E);
  }

  /**
   * Allocates memory of the libOS for a message. The caller owns it until it is pushed or freed; the bytes are not initialized.
   *
   * @param size - bytes, 1 or more, up to what `limits.bufferBytes` has free; large ones have several segments.
   * @throws {@link DemiError} `ENOMEM` if so much is not free, `EINVAL` for another size than an integer from 1.
   */
  sgaalloc(size: number): SgArray {
    this.engine.requireRunning('sgaalloc');
    requireInteger('size', size, 1, Number.MAX_SAFE_INTEGER, 'sgaalloc');
    const result = this.engine.native.sgaAllocate(size);
    return this.engine.sgaFrom('sgaalloc', result);
  }

  /** Gives an SgArray's memory back; as {@link SgArray.free}. */
  sgafree(sga: SgArray): void {
    if (!(sga instanceof SgArray)) throw invalidType('sga', sga, 'an SgArray', 'sgafree');
    sga.free();
  }

  // --- operations ---

  /**
   * Takes a connection from a listening socket. Several accepts may be outstanding. The token gives `newQd`, the connection, beside `qd`.
   *
   * @throws {@link DemiError} `EINVAL` if it does not listen, `EBADF`, `EAGAIN`. Through the token: `EMFILE` (the connection stays in the
   * backlog), `ECANCELED`, `ETIMEDOUT`. (accept(2))
   */
  accept(qd: number, options?: OperationOptions): QToken<AcceptResult> {
    return this.operation<AcceptResult>(ACCEPT, qd, 0, options);
  }

  /**
   * Opens a connection, or gives a datagram socket its peer.
   *
   * @throws {@link DemiError} `EISCONN`, `EALREADY`, `EINVAL` (no address, wildcard, port 0 or another family; or a bound port, with which the peer's
   * packets would come to another queue of the interface: see {@link LibOS.rss}), `EADDRNOTAVAIL` (no port is free), `EBADF`, `EAGAIN`, `ENOTSUP` (a memory queue). Through the token: `ECONNREFUSED`, `ECONNRESET`, `ETIMEDOUT`, `EHOSTUNREACH`,
   * `ENETUNREACH`, `ENETDOWN`, `ECANCELED`. (connect(2))
   */
  connect(qd: number, addr: Endpoint | string, options?: OperationOptions): QToken<ConnectResult> {
    const { engine } = this;
    const slot = engine.slotOf(qd, 'connect');
    const endpoint = parseEndpoint(addr, 'connect');
    engine.requireToken('connect', qd);
    const refused = options === undefined ? undefined : this.check(CONNECT, qd, options);
    if (refused !== undefined) return refused as QToken<ConnectResult>;
    engine.words[E] = CONNECT;
    engine.words[E + Entry.QueueSlot] = slot;
    engine.writeEndpoint(endpoint);
    const status = engine.submitEntries(1);
    if (status < Status.Refused) throw engine.refusal(CONNECT, qd, status, { ...this.about(qd, endpoint), ...this.whyNotConnected(qd, endpoint, status) });
    const token = engine.begun<ConnectResult>(CONNECT, qd, status, options);
    engine.setTarget(token as unknown as QToken, this.text(endpoint));
    return token;
  }

  private whyNotConnected(qd: number, remote: ParsedEndpoint, status: number): DemiErrorDetails {
    if (Status.Refused - status === EAGAIN) return { detail: `limits.connections (${this.engine.config.limits.connections}) are open; close some` };
    const { queues, queue } = this.rss;
    if (Status.Refused - status !== EINVAL || queues === 1) return {};
    const { port } = this.getsockname(qd);
    if (port === 0 || remote.port === 0) return {};
    return { detail: `what comes back to port ${port} comes to another queue than that of this libOS (${queue} of 0 to ${queues - 1}); without bind() a port is chosen` };
  }

  /**
   * Sends bytes: a message to a memory queue or a connected datagram socket, a part of the stream on a connection.
   *
   * An SgArray is moved: it is empty afterwards. Of a `Uint8Array` or a string (UTF-8) what fits is copied at the call; the rest of a
   * large one stays in the caller's bytes, is copied as room appears, and must not change until the token completes. Pushes on one
   * descriptor complete in order. A push that nobody waits for is normal: it holds nothing once it succeeded.
   *
   * The token completes when the send buffer has accepted all bytes (that is the back-pressure), or with `completion: 'acked'` when the
   * peer has acknowledged them. Failures carry `bytesAccepted`: the stream stays usable after a cancellation, but the message is cut there.
   *
   * @throws {@link DemiError} `ENOTCONN`, `EPIPE` (after one's own SHUT_WR), `EMSGSIZE` (more than a datagram or the
   * memory of the libOS can hold), `EINVAL` (no bytes on a stream or memory queue; an
   * SgArray that was moved, freed or is another libOS's; a detached view), `EBADF`, `EAGAIN`. Through the token: `ECONNRESET`, `EPIPE`,
   * `ECONNREFUSED` (datagrams), `EFAULT` (the caller's view was detached meanwhile), `ECANCELED`, `ETIMEDOUT`. (send(2))
   */
  push(qd: number, data: SgArray | Uint8Array | string, options?: PushOptions): QToken<PushResult> {
    const { engine } = this;
    const slot = slotBits(qd);
    if (engine.descriptors[slot] !== qd || qd === 0) throw engine.badDescriptor(qd, 'push');
    return options === undefined ? this.send(qd, slot, data, PUSH, undefined) : this.sendWith(qd, slot, data, 0, options);
  }

  /**
   * Sends a datagram to an endpoint; as {@link LibOS.push} otherwise. The datagram may be empty.
   *
   * @throws {@link DemiError} as push, and `ENOTSUP` on a stream or a memory queue. (sendto(2))
   */
  pushto(qd: number, data: SgArray | Uint8Array | string, addr: Endpoint | string, options?: PushOptions): QToken<PushResult> {
    const { engine } = this;
    const slot = engine.slotOf(qd, 'pushto');
    engine.writeEndpoint(parseEndpoint(addr, 'pushto'));
    if (options === undefined) return this.send(qd, slot, data, PUSH | Flag.Destination, undefined);
    return this.sendWith(qd, slot, data, Flag.Destination, options);
  }

  private sendWith(qd: number, slot: number, data: SgArray | Uint8Array | string, flags: number, options: PushOptions): QToken<PushResult> {
    this.engine.requireToken('push', qd);
    const refused = this.check(PUSH, qd, options);
    if (refused !== undefined) return refused as QToken<PushResult>;
    const { completion } = options;
    if (completion !== undefined) requireOneOf('completion', completion, { accepted: 'accepted', acked: 'acked' }, 'push');
    return this.send(qd, slot, data, PUSH | flags | (completion === 'acked' ? Flag.Acknowledged : 0), options);
  }

  private send(qd: number, slot: number, data: SgArray | Uint8Array | string, word: number, options: PushOptions | undefined): QToken<PushResult> {
    const { engine } = this;
    const { words } = engine;
    if (!(data instanceof Uint8Array) && data instanceof SgArray) return this.sendSga(qd, slot, data, word, options);
    engine.requireToken('push', qd);
    const length = stageBytes(engine, data, 0);
    if (length >= 0) {
      words[E] = word | Flag.Staged;
      words[E + Entry.QueueSlot] = slot;
      words[E + Entry.Argument] = length;
      words[E + Entry.Offset] = words[Header.StageOffset];
      return this.pushed(qd, engine.submitEntries(1), data, options);
    }
    const bytes = typeof data === 'string' ? Buffer.from(data, 'utf8') : data;
    words[E] = word;
    words[E + Entry.QueueSlot] = slot;
    return this.pushed(qd, engine.native.pushBytes(bytes), data, options);
  }

  private sendSga(qd: number, slot: number, data: SgArray, word: number, options: PushOptions | undefined): QToken<PushResult> {
    const { engine } = this;
    const { words } = engine;
    data.requireLive('push');
    if (data.engine !== engine) throw invalidValue('data', data, 'an SgArray of this libOS (toBuffer() copies one of another)', 'push');
    engine.requireToken('push', qd);
    data.writeBack();
    words[E] = word | Flag.Sga;
    words[E + Entry.QueueSlot] = slot;
    words[E + Entry.Sga] = data.id;
    const status = engine.submitEntries(1);
    // Refused: nothing has happened, and the caller still has it.
    if (status > Status.Refused) data.moved();
    return this.pushed(qd, status, data, options);
  }

  private pushed(qd: number, status: number, data: SgArray | Uint8Array | string, options: PushOptions | undefined): QToken<PushResult> {
    if (status < Status.Refused) throw this.engine.refusal(PUSH, qd, status, this.whyNotPushed(data));
    return this.engine.begunPush(qd, status, options);
  }

  private whyNotPushed(data: SgArray | Uint8Array | string): DemiErrorDetails {
    if (typeof data !== 'string' && (data instanceof SgArray ? data.bytes : data.length) === 0) {
      return { detail: 'data has no bytes; a zero-length push could not be told from the end, which shutdown(qd, SHUT_WR) says' };
    }
    if (data === '') return { detail: "data is ''; shutdown(qd, SHUT_WR) ends a stream" };
    return {};
  }

  /**
   * Receives: what has arrived, up to `size` bytes. On a stream a zero-length result is the end of the stream. A datagram's result carries
   * `from` and may be empty; what does not fit `size` is lost, as with recv(2). Pops on one descriptor complete in order. The SgArray is
   * the caller's: free it (one without bytes need not be).
   *
   * @param size - bytes at most, 1 to 2147483647; left out: everything there is.
   * @throws {@link DemiError} `ENOTCONN`, `EINVAL`, `EBADF`, `EAGAIN`. Through the token: `ECONNRESET`, `ECONNREFUSED` (datagrams),
   * `ETIMEDOUT`, `ECANCELED` (what has been received is not lost). (recv(2))
   */
  pop(qd: number, options?: OperationOptions): QToken<PopResult>;
  pop(qd: number, size: number, options?: OperationOptions): QToken<PopResult>;
  pop(qd: number, size?: number | OperationOptions, options?: OperationOptions): QToken<PopResult> {
    if (size === undefined && options === undefined) return this.operation<PopResult>(POP, qd, 0, undefined);
    if (typeof size === 'object') return this.operation<PopResult>(POP, qd, 0, size);
    const limit = size === undefined ? 0 : requireInteger('size', size, 1, POP_SIZE_MAX, 'pop');
    return this.operation<PopResult>(POP, qd, limit, options);
  }

  /**
   * Ends one or both directions of a connection or memory queue. The end of the write side comes behind every push made before.
   *
   * On a memory queue `SHUT_WR` says "done" to every reader: what is in the queue is popped, then pops are of length zero.
   *
   * @param how - `SHUT_RD`, `SHUT_WR` or `SHUT_RDWR`.
   * @throws {@link DemiError} `ENOTCONN`, `EINVAL`, `EBADF`. (shutdown(2))
   */
  shutdown(qd: number, how: number, options?: OperationOptions): QToken<ShutdownResult> {
    requireOneOf('how', how, { SHUT_RD, SHUT_WR, SHUT_RDWR }, 'shutdown');
    return this.operation<ShutdownResult>(SHUTDOWN, qd, how, options);
  }

  /**
   * Closes a descriptor, which ends with the call: tokens pending on it complete with `ECANCELED`. The token completes when everything is
   * released. What pushes had been told was accepted is still delivered; `SO_LINGER` with a time waits for the peer's acknowledgement,
   * with 0 it resets. A close that is cancelled, or whose time is over, resets the connection.
   *
   * @throws TypeError without argument. {@link DemiError} `EBADF`. Through the token: `ETIMEDOUT`, `ECANCELED`,
   * `ECONNRESET` (the peer reset the connection while SO_LINGER waited: bytes were lost). (close(2))
   */
  close(qd: number, options?: OperationOptions): QToken<CloseResult> {
    if (qd === undefined) throw invalidType('qd', qd, 'the queue descriptor to be closed; stop() ends the libOS', 'close');
    return this.operation<CloseResult>(CLOSE, qd, 0, options);
  }

  private operation<T extends Success>(
    code: number,
    qd: number,
    argument: number,
    options: OperationOptions | undefined,
  ): QToken<T> {
    const { engine } = this;
    const { words } = engine;
    const slot = slotBits(qd);
    if (engine.descriptors[slot] !== qd || qd === 0) throw engine.badDescriptor(qd, OPCODE_NAMES[code]);
    // A close must always be possible.
    if (code !== CLOSE) engine.requireToken(OPCODE_NAMES[code], qd);
    if (options !== undefined) {
      const refused = this.check(code, qd, options);
      if (refused !== undefined) return refused as unknown as QToken<T>;
    }
    words[E] = code;
    words[E + Entry.QueueSlot] = slot;
    words[E + Entry.Argument] = argument;
    const status = engine.submitEntries(1);
    if (status < Status.Refused) throw engine.refusal(code, qd, status, code === ACCEPT ? NOT_LISTENING : undefined);
    return engine.begun<T>(code, qd, status, options);
  }

  /** Checks the options of an operation; a token if it must not be started, because its signal was aborted before. */
  private check(code: number, qd: number, options: OperationOptions): QToken | undefined {
    const syscall = OPCODE_NAMES[code];
    requireOptions('options', options, syscall);
    requireTimeout('timeout', options.timeout, syscall);
    requireDeadline('deadline', options.deadline, syscall);
    const signal = requireSignal('signal', options.signal, syscall);
    if (signal?.aborted !== true) return undefined;
    return this.engine.failed(code, qd, new Failure(125, code === PUSH ? 0 : undefined, { reason: signal.reason }, undefined, undefined));
  }

  /**
   * Starts several operations with one native call, which costs far less than one call each.
   *
   * Their tokens come back in the same order. What would be thrown by the single call comes through the token here.
   *
   * @example
   * ```ts
   * import { createLibOS } from 'demi-io';
   *
   * const os = createLibOS({ libos: 'loopback' });
   * const qd = os.queue();
   * const [pushed, popped] = os.submit([
   *   { op: 'push', qd, data: new Uint8Array(64) },
   *   { op: 'pop', qd },
   * ]);
   * const result = os.wait(popped);
   * if (result.opcode === 'pop') result.sga.free();
   * ```
   * @throws TypeError if it is no array of operations.
   */
  submit<const S extends readonly Submission[]>(batch: S): TokensOf<S> {
    return submitBatch(this, this.engine, batch) as TokensOf<S>;
  }

  // --- waiting and cancelling ---

  /**
   * Spins until a token has finished and gives what it came to. A failed operation is a result too: `opcode` is `'failed'` then.
   *
   * @param timeoutMs - milliseconds, fractions allowed; left out: no limit; 0: looks once and returns undefined if it has not finished.
   * @throws {@link DemiError} `ETIMEDOUT` (the operation goes on), `EINVAL` (awaited, collected, or another libOS's), `EDEADLK` if without
   * a time-out nothing but this thread's own JavaScript could complete it.
   */
  wait<T extends Success>(qt: QToken<T>, timeoutMs: 0): T | FailedResult | undefined;
  wait<T extends Success>(qt: QToken<T>, timeoutMs?: number): T | FailedResult;
  wait<T extends Success>(qt: QToken<T>, timeoutMs?: number): T | FailedResult | undefined {
    return wait(this.engine, qt, timeoutMs) as T | FailedResult | undefined;
  }

  /**
   * Waits until one of several tokens has finished; the others go on. It is fair: with several finished, low indices do not always win.
   * Its cost grows with the number of tokens: {@link LibOS.waitSet} does not.
   *
   * @param timeoutMs - as {@link LibOS.wait}.
   * @throws {@link DemiError} as wait; `EINVAL` for an empty array.
   */
  waitAny<const Q extends readonly QToken[]>(qts: Q, timeoutMs: 0): AnyOf<Q> | undefined;
  waitAny<const Q extends readonly QToken[]>(qts: Q, timeoutMs?: number): AnyOf<Q>;
  waitAny<const Q extends readonly QToken[]>(qts: Q, timeoutMs?: number): AnyOf<Q> | undefined {
    return waitAny(this.engine, qts, timeoutMs) as AnyOf<Q> | undefined;
  }

  /**
   * Waits until all of several tokens have finished and gives their results in the same order. On a time-out none is collected.
   *
   * @param timeoutMs - as {@link LibOS.wait}.
   * @throws {@link DemiError} as wait; `EINVAL` for an empty array, or a token that is in it twice.
   */
  waitAll<const Q extends readonly QToken[]>(qts: Q, timeoutMs: 0): AllOf<Q> | undefined;
  waitAll<const Q extends readonly QToken[]>(qts: Q, timeoutMs?: number): AllOf<Q>;
  waitAll<const Q extends readonly QToken[]>(qts: Q, timeoutMs?: number): AllOf<Q> | undefined {
    return waitAll(this.engine, qts, timeoutMs) as AllOf<Q> | undefined;
  }

  /**
   * Waits for the next `n` completions of tokens that nobody has claimed, in the order in which they finished; fewer when the time is over.
   * Results of pops and accepts are kept until they are collected; of the others the last 1024.
   *
   * @param timeoutMs - milliseconds, fractions allowed; left out: no limit; 0: what there is.
   * @throws {@link DemiError} `EINVAL`; `EDEADLK` as {@link LibOS.wait}, and then nothing was collected.
   */
  waitNextN(n: number, timeoutMs?: number): (Success | FailedResult)[] {
    return waitNextN(this.engine, n, timeoutMs);
  }

  /** Makes a set of tokens to wait for, at a cost per completion and not per token. */
  waitSet<T extends Success = Success>(qts: Iterable<QToken<T>> = []): WaitSet<T> {
    this.engine.requireRunning('waitSet');
    const iterable = typeof qts === 'object' && qts !== null && typeof qts[Symbol.iterator] === 'function';
    if (!iterable) throw invalidType('qts', qts, 'an array or another iterable of QTokens', 'waitSet');
    const set = new WaitSet<T>(this.engine);
    try {
      for (const qt of qts) set.add(qt);
    } catch (error) {
      // Nobody would ever have this set: its tokens are the caller's again.
      set[Symbol.dispose]();
      throw error;
    }
    return set;
  }

  /**
   * Completes a token with `ECANCELED` if it has not finished. Data already received is not lost and the stream stays usable.
   *
   * @throws TypeError if it is no token; {@link DemiError} `EINVAL` if it is another libOS's.
   */
  cancel(qt: QToken): void {
    if (!(qt instanceof QToken)) throw invalidType('qt', qt, 'a QToken', 'cancel');
    const token = qt as QToken;
    if (token.engine !== this.engine) requireToken(token, this.engine, 'cancel', 'qt');
    this.engine.cancel(token);
  }

  // --- iterating ---

  /** Connections of a listening socket, one after the other. Leaving the loop cancels the accept that is pending. */
  accepts(qd: number, options?: OperationOptions): AsyncIterableIterator<AcceptResult> {
    return new AcceptIterator(this, qd, options);
  }

  /**
   * What arrives on a stream or memory queue, until its end. Each SgArray is freed at the next step unless it was moved; clone it to keep
   * it. Leaving the loop cancels the pop that is pending.
   */
  pops(qd: number, options?: OperationOptions): AsyncIterableIterator<SgArray> {
    return new StreamIterator(this, qd, options);
  }

  /** What arrives on a datagram socket; the payloads are freed as those of {@link LibOS.pops}. */
  datagrams(qd: number, options?: OperationOptions): AsyncIterableIterator<ReceivedDatagram> {
    return new DatagramIterator(this, qd, options);
  }

  // --- the libOS itself ---

  /** The time in milliseconds, with fractions, on the clock that `deadline` means. */
  now(): number {
    this.engine.requireRunning('now');
    return this.engine.native.now();
  }

  /** Counters, and what is outstanding. */
  stats(): LibOSStats {
    this.engine.requireRunning('stats');
    const { engine } = this;
    engine.takeCompletions();
    return { ...engine.native.stats(), tokensUncollected: engine.held, failuresUncollected: engine.failuresUncollected };
  }

  /** The operations that have not finished. */
  pending(): PendingOperation[] {
    const { engine } = this;
    engine.requireRunning('pending');
    engine.takeCompletions();
    const flat = engine.native.pending();
    const list: PendingOperation[] = [];
    for (let i = 0; i < flat.length; i += 4) {
      const qt = engine.tokenAt(flat[i]);
      if (qt !== undefined) list.push({ qt, opcode: qt.opcode, qd: flat[i + 2], ageMs: flat[i + 3] });
    }
    return list;
  }

  /** How connections are shared out among the libOSes of this interface: see {@link ReceiveSideScaling}. */
  get rss(): ReceiveSideScaling {
    const { queues, queue } = this.engine.config.dpdk ?? { queues: 1, queue: 0 };
    return { queues, queue, queueFor: (flow) => this.queueFor(flow) };
  }

  private queueFor(flow: Flow): number {
    const { engine } = this;
    engine.requireRunning('queueFor');
    const { local, remote } = requireOptions<Flow>('flow', flow, 'queueFor') ?? {};
    const ends = Object.entries({ local, remote }).map(([name, end]) => {
      const parsed = parseEndpoint(end, 'queueFor');
      if (parsed.port === 0 || parsed.words.every((word) => word === 0)) throw invalidValue(`flow.${name}`, end, 'an address and a port of one host', 'queueFor');
      return parsed;
    });
    if (ends[0].family !== ends[1].family) throw invalidValue('flow.remote', remote, 'of the same family as flow.local', 'queueFor');
    ends.forEach((end, i) => engine.writeEndpoint(end, E + i * Area.EntryWords));
    return engine.native.flowQueue();
  }

  /** Which libOS this is, and which configuration won. */
  info(): LibOSInfo {
    const { config, checks } = this.engine;
    return { libos: config.libos, origin: this.origin, config, checks };
  }

  /** Lets the process end although tokens are pending. */
  unref(): this {
    this.engine.native.setReferenced(false);
    return this;
  }

  /** Undoes {@link LibOS.unref}: pending tokens keep the process alive again, as sockets do in Node. */
  ref(): this {
    this.engine.native.setReferenced(true);
    return this;
  }

  /**
   * Ends the libOS: pending tokens complete with `ECANCELED`, connections drain for up to a second (or as the options say) and are reset
   * then, and everything is given back. Calling it again gives the same promise.
   *
   * @throws TypeError or {@link DemiError} `EINVAL` for options that are not valid; the libOS goes on then.
   */
  stop(options?: StopOptions): Promise<void> {
    // Checked first: a stop that is refused must leave the libOS one that can be stopped.
    const { timeout, deadline } = requireOptions<StopOptions>('options', options, 'stop') ?? {};
    requireTimeout('timeout', timeout, 'stop');
    requireDeadline('deadline', deadline, 'stop');
    return (this.stopping ??= this.stopOnce(timeout, deadline));
  }

  private async stopOnce(timeout: number | undefined, deadline: number | undefined): Promise<void> {
    const { engine } = this;
    let drainMs = timeout ?? (deadline === undefined ? DEFAULT_DRAIN_MS : Infinity);
    if (deadline !== undefined) drainMs = Math.min(drainMs, Math.max(0, deadline - engine.native.now()));
    const drained = engine.begun<CloseResult>(CLOSE, 0, engine.native.stop(drainMs), undefined);
    try {
      await drained;
    } finally {
      engine.end();
    }
  }

  /** As {@link LibOS.stop}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/**
 * Makes a libOS. Several may live side by side, in one thread and in others. It reads no environment and no file, except that
 * `DEMI_CHECK=1` turns on the checks of SgArrays, and `DEMI_PCAP=file` captures the frames of each libOS that has frames, as nanosecond
 * pcap: of the first one of the process in that file, of the second one in `file.2`, with the number before an extension.
 *
 * @throws TypeError or {@link DemiError} `EINVAL` for a configuration that is not valid, `ENOTSUP` for a libOS that is not in this build,
 * `ENOMEM` if there is no memory for it.
 * @example
 * ```ts
 * import { createLibOS } from 'demi-io';
 *
 * const os = createLibOS({ libos: 'loopback', loopback: { namespace: 'test-1' } });
 * ```
 */
export function createLibOS(config: LibOSConfig): LibOS {
  return new LibOS(checkConfig(config, 'createLibOS(config)'), 'createLibOS(config)', environment());
}
