// The demi_* functions: the calls of LibOS on the default libOS of this thread. The first call makes it, if demi_init has not.

import { checkConfig, loadConfig, type LibOSConfig } from '../core/config';
import { DemiError } from '../core/errors';
import type { Endpoint } from '../core/endpoint';
import { environment } from './environment';
import { LibOS, type StopOptions } from './libos';
import type { SocketOptionValue } from './options';
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
import type { SgArray } from './sgarray';
import type { QToken } from './token';
import type { AllOf, AnyOf } from './waiting';

let current: LibOS | undefined;

function start(config?: LibOSConfig): LibOS {
  const origin = 'demi_init(config)';
  const loaded = config === undefined ? loadConfig() : { config: checkConfig(config, origin), origin };
  const made = new LibOS(loaded.config, loaded.origin, environment());
  made.engine.whenStopped = () => {
    if (current === made) current = undefined;
  };
  return (current = made);
}

function os(): LibOS {
  return current ?? start();
}

/**
 * Makes the default libOS of this thread and returns it. Without a configuration it reads the environment and `demi.config.{json,yaml}`.
 *
 * @throws {@link DemiError} `EEXIST` if there is one already; as {@link createLibOS} otherwise; `ENOENT` for a file that is missing.
 * @example
 * ```ts
 * import { demi_fini, demi_init } from 'demi-io';
 *
 * async function main(): Promise<void> {
 *   demi_init({ libos: 'loopback' });
 *   await demi_fini();
 * }
 * ```
 */
export function demi_init(config?: LibOSConfig): LibOS {
  if (current === undefined) return start(config);
  const { libos, origin } = current.info();
  throw new DemiError('EEXIST', 'init', { detail: `the default libOS is '${libos}' (${origin}); demi_fini() ends it` });
}

/** Ends the default libOS, if there is one; as {@link LibOS.stop}. The next call makes a new one. */
export async function demi_fini(options?: StopOptions): Promise<void> {
  await current?.stop(options);
}

/** Makes a socket; as {@link LibOS.socket}. */
export function demi_socket(domain: number, type: number, protocol = 0): number {
  return os().socket(domain, type, protocol);
}

/** Gives a socket its local endpoint; as {@link LibOS.bind}. */
export function demi_bind(qd: number, addr: Endpoint | string): void {
  os().bind(qd, addr);
}

/** Lets a bound stream socket take connections; as {@link LibOS.listen}. */
export function demi_listen(qd: number, backlog: number): void {
  os().listen(qd, backlog);
}

/** Sets a socket option; as {@link LibOS.setsockopt}. */
export function demi_setsockopt(qd: number, level: number, name: number, value: SocketOptionValue): void {
  os().setsockopt(qd, level, name, value);
}

/** Reads a socket option; as {@link LibOS.getsockopt}. */
export function demi_getsockopt(qd: number, level: number, name: number): SocketOptionValue {
  return os().getsockopt(qd, level, name);
}

/** The local endpoint of a socket; as {@link LibOS.getsockname}. */
export function demi_getsockname(qd: number): Endpoint {
  return os().getsockname(qd);
}

/** The endpoint of a socket's peer; as {@link LibOS.getpeername}. */
export function demi_getpeername(qd: number): Endpoint {
  return os().getpeername(qd);
}

/** Allocates memory for a message; as {@link LibOS.sgaalloc}. */
export function demi_sgaalloc(size: number): SgArray {
  return os().sgaalloc(size);
}

/** Gives an SgArray's memory back; as {@link SgArray.free}. */
export function demi_sgafree(sga: SgArray): void {
  os().sgafree(sga);
}

/** Makes an anonymous memory queue; as {@link LibOS.queue}. */
export function demi_queue(capacity?: number): number {
  return os().queue(capacity);
}

/** Makes a memory queue with a name; as {@link LibOS.createPipe}. */
export function demi_create_pipe(name: string): number {
  return os().createPipe(name);
}

/** Opens a memory queue by its name; as {@link LibOS.openPipe}. */
export function demi_open_pipe(name: string): number {
  return os().openPipe(name);
}

/** Takes a connection from a listening socket; as {@link LibOS.accept}. */
export function demi_accept(qd: number, options?: OperationOptions): QToken<AcceptResult> {
  return os().accept(qd, options);
}

/** Opens a connection; as {@link LibOS.connect}. */
export function demi_connect(qd: number, addr: Endpoint | string, options?: OperationOptions): QToken<ConnectResult> {
  return os().connect(qd, addr, options);
}

/** Sends bytes; as {@link LibOS.push}. */
export function demi_push(qd: number, data: SgArray | Uint8Array | string, options?: PushOptions): QToken<PushResult> {
  return os().push(qd, data, options);
}

/** Sends a datagram to an endpoint; as {@link LibOS.pushto}. */
export function demi_pushto(
  qd: number,
  data: SgArray | Uint8Array | string,
  addr: Endpoint | string,
  options?: PushOptions,
): QToken<PushResult> {
  return os().pushto(qd, data, addr, options);
}

/** Receives; as {@link LibOS.pop}. */
export function demi_pop(qd: number, options?: OperationOptions): QToken<PopResult>;
export function demi_pop(qd: number, size: number, options?: OperationOptions): QToken<PopResult>;
export function demi_pop(qd: number, size?: number | OperationOptions, options?: OperationOptions): QToken<PopResult> {
  return os().pop(qd, size as number, options);
}

/** Ends one or both directions; as {@link LibOS.shutdown}. */
export function demi_shutdown(qd: number, how: number, options?: OperationOptions): QToken<ShutdownResult> {
  return os().shutdown(qd, how, options);
}

/** Closes a descriptor; as {@link LibOS.close}. */
export function demi_close(qd: number, options?: OperationOptions): QToken<CloseResult> {
  return os().close(qd, options);
}

/** Spins until a token has finished; as {@link LibOS.wait}. */
export function demi_wait<T extends Success>(qt: QToken<T>, timeoutMs: 0): T | FailedResult | undefined;
export function demi_wait<T extends Success>(qt: QToken<T>, timeoutMs?: number): T | FailedResult;
export function demi_wait<T extends Success>(qt: QToken<T>, timeoutMs?: number): T | FailedResult | undefined {
  return os().wait(qt, timeoutMs);
}

/** Waits until one of several tokens has finished; as {@link LibOS.waitAny}. */
export function demi_wait_any<const Q extends readonly QToken[]>(qts: Q, timeoutMs: 0): AnyOf<Q> | undefined;
export function demi_wait_any<const Q extends readonly QToken[]>(qts: Q, timeoutMs?: number): AnyOf<Q>;
export function demi_wait_any<const Q extends readonly QToken[]>(qts: Q, timeoutMs?: number): AnyOf<Q> | undefined {
  return os().waitAny(qts, timeoutMs);
}

/** Waits until all of several tokens have finished; as {@link LibOS.waitAll}. */
export function demi_wait_all<const Q extends readonly QToken[]>(qts: Q, timeoutMs: 0): AllOf<Q> | undefined;
export function demi_wait_all<const Q extends readonly QToken[]>(qts: Q, timeoutMs?: number): AllOf<Q>;
export function demi_wait_all<const Q extends readonly QToken[]>(qts: Q, timeoutMs?: number): AllOf<Q> | undefined {
  return os().waitAll(qts, timeoutMs);
}

/** Waits for the next completions of tokens that nobody has claimed; as {@link LibOS.waitNextN}. */
export function demi_wait_next_n(n: number, timeoutMs?: number): (Success | FailedResult)[] {
  return os().waitNextN(n, timeoutMs);
}

/** Completes a token with `ECANCELED` if it has not finished; as {@link LibOS.cancel}. */
export function demi_cancel(qt: QToken): void {
  os().cancel(qt);
}
