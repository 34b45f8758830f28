// The native boundary: what addon/binding gives, as one interface that unit tests can put a fake behind.
// Functions return a number that is negative when the call was refused: the errno with its sign changed. Arguments and results of
// operations are in the control region (layout.ts).

import { join } from 'node:path';

import { DemiError } from '../core/errors';
import type { ResolvedDpdk } from '../core/dpdk-config';
import type { NativeDevice, NativeInet } from '../core/inet-config';

/** The functions of one native libOS; addon/binding/functions.cc. */
export interface NativeLibOS {
  /** The control region. */
  readonly control: ArrayBuffer;
  /** Whether a driver does well to spin while there is progress. */
  readonly isWorthSpinning: boolean;
  /** Starts the operations in the submission entries and settles what they made ready. */
  submit(): void;
  socket(family: 4 | 6, type: number, protocol: number): number;
  queue(capacity: number): number;
  createPipe(name: string, capacity: number): number;
  openPipe(name: string): number;
  /** Reads its endpoint from the first submission entry. */
  bind(slot: number): number;
  listen(slot: number, backlog: number): number;
  /** Writes the local (0) or the peer's (1) endpoint to the first submission entry. */
  endpoint(slot: number, which: 0 | 1): number;
  /** The queue of an interface that a flow comes to; its ends are in the first two submission entries. */
  flowQueue(): number;
  setOption(slot: number, level: number, name: number, value: number, seconds: number): number;
  /** Writes the value to the first words of the first submission entry: number (64 bits), seconds (64 bits). */
  getOption(slot: number, level: number, name: number): number;
  setTextOption(slot: number, level: number, name: number, value: string): number;
  textOption(slot: number, level: number, name: number): string | number;
  tcpInfo(slot: number): Record<string, number> | number;
  /** A push of bytes that stay in the caller's hands; returns the status that submit() would have written. */
  pushBytes(bytes: Uint8Array): number;
  /** Milliseconds on now(). */
  setDeadline(operation: number, due: number): number;
  cancel(operation: number): number;
  /** Cancels everything and closes every queue; returns a status. */
  stop(drainMs: number): number;
  destroy(): number;
  /** Takes in what was returned, and refills the completion ring. */
  flush(): number;
  enter(): number;
  waitSlice(limitMs: number): number;
  setReferenced(referenced: boolean): number;
  now(): number;
  window(index: number): ArrayBuffer | undefined;
  stage(): boolean;
  sgaAllocate(bytes: number): number;
  sgaClone(id: number): number;
  sgaSlice(id: number, begin: number, end: number): number;
  /** (window, offset, length) of each segment. */
  sgaSegments(id: number): Uint32Array | number;
  stats(): NativeStats;
  /** (slot, opcode, descriptor, age in ms) of each pending operation. */
  pending(): number[];
}

/** The counters of a native libOS; `LibOS.stats` documents them. */
export interface NativeStats {
  operations: number;
  operationsThatWaited: number;
  canceled: number;
  timedOut: number;
  queuesOpened: number;
  datagramsDropped: number;
  resets: number;
  queues: number;
  closing: number;
  tokensPending: number;
  sgArrays: number;
  buffers: number;
  bufferBytesMapped: number;
  bufferBytesAvailable: number;
  bufferBytesLimit: number;
  bufferWaits: number;
  /**
   * Of a libOS with a TCP/IP stack of its own: what the stack has moved and dropped, by cause, as `framesIn` or `tcpBadChecksum`, and what its
   * TCP has done, as `retransmitted`. `device` is of `catnip`: what its queue has moved and lost, and of its port, `noRoom`, `receiveErrors` and
   * `transmitErrors`.
   */
  network?: { stack: Record<string, number>; tcp: Record<string, number>; device?: Record<string, number> };
}

/** What a native libOS is made of. */
export interface NativeSettings {
  libos: string;
  queues: number;
  tokens: number;
  connections: number;
  bufferBytes: number;
  /** 0 adaptive, 1 busy, 2 sleep. */
  poll: number;
  /** Whether rooms are overwritten when they return to the pool. */
  poison: boolean;
  namespace: string;
  /** Of a libOS with a stack. */
  inet?: NativeInet;
  /** Of `catpowder`. */
  device?: NativeDevice;
  /** Of `catnip`: `plugin` is the path of the DPDK plug-in. */
  dpdk?: ResolvedDpdk & { plugin: string };
  affinity?: number;
}

/** The native module; addon/binding/module.cc. */
export interface NativeModule {
  /** A negative errno, or that and what is wrong in words, if there can be none. `notify` is called from the event loop when there are completions that no call of this libOS has produced. */
  create(settings: NativeSettings, notify: () => void): NativeLibOS | number | [errno: number, problem: string];
  /** Environments of this process that hold native state. */
  liveEnvironments(): number;
}

const ADDON = join(__dirname, '..', '..', 'addon');

/** Where the DPDK plug-in is, if it was built. */
export const DPDK_PLUGIN = join(ADDON, 'build', 'Release', 'demi_dpdk.so');

let loaded: NativeModule | undefined;

/**
 * Loads the native module, once.
 *
 * @throws {@link DemiError} `ENOTSUP` if there is no binary for this platform.
 */
export function loadNative(): NativeModule {
  if (loaded !== undefined) return loaded;
  try {
    const load = require('node-gyp-build') as (folder: string) => NativeModule;
    loaded = load(ADDON);
  } catch (cause) {
    const platform = `${process.platform}-${process.arch}`;
    const detail = `no native binary of demi-io for ${platform}; build it with 'npm run build' in ${join(ADDON, '..')}`;
    throw new DemiError('ENOTSUP', 'createLibOS', { detail, cause });
  }
  return loaded;
}
