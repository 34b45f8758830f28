// Engine: what is behind a LibOS: its native functions and its control region, the tokens that are on their way, and the accounts.
// The hot path is start(): a submission is a few words written, one native call without arguments, and a few words read.
// Read ../native/layout.ts first.

import { formatEndpoint, type Endpoint, type ParsedEndpoint } from '../core/endpoint';
import { DemiError, errnoName, type DemiErrorDetails } from '../core/errors';
import type { ResolvedConfig } from '../core/config';
import type { NativeLibOS } from '../native/binding';
import { Area, Entry, Header, LIBOS_UNIT, slotBits, Status, Waited } from '../native/layout';
import { AbortWatch, type Abortion } from './abort-watch';
import { CompletedTokens } from './completed-tokens';
import type { Environment } from './environment';
import type { OperationOptions, PushResult, Success } from './results';
import { CheckedSgArray, SgArray } from './sgarray';
import { Datagram, Failure, OPCODE_NAMES, QToken, Slot, TokenState, type Accepted } from './token';
import { WaitSet } from './wait-set';
import { SgArrayWatch } from './sgarray-watch';

const OP_PUSH = 1;
const OP_POP = 2;
const OP_ACCEPT = 3;
const OP_CONNECT = 4;
const ECANCELED = 125;
const RING_MASK = Area.RingEntries - 1;
// The words of an entry that describe an endpoint.
const E0 = Area.Submissions as number;

const nextTurn = setImmediate;

/** @internal */
export class Engine {
  readonly native: NativeLibOS;
  /** native.submit(), where V8 finds a function that is always the same. */
  private readonly submit: () => void;
  readonly words: Int32Array;
  /** Slot -> the descriptor that is open there, or 0. Written by native code. */
  readonly descriptors: Float64Array;
  readonly watch: SgArrayWatch;
  stopped = false;
  /** Who wants to know when it is. */
  whenStopped: (() => void) | undefined;

  private readonly tokens: (QToken | undefined)[] = [];
  private readonly windows: (ArrayBuffer | undefined)[] = [];
  readonly tokensLimit: number;
  private readonly ids = new WeakMap<QToken, number>();
  private lastId = 0;
  /** The number of this libOS in its descriptors; NaN until it has opened one. */
  private number = NaN;
  private consumed = 0;
  private pending = 0;
  /** Finished pops and accepts that nobody has collected; like what is pending, they count against the limit of tokens. */
  held = 0;
  readonly completed = new CompletedTokens();
  /** The window in which the staging room lies, when there is one; see staging.ts. */
  staging = new Uint8Array(0);
  private readonly spins: boolean;
  private readonly abortions = new AbortWatch(
    () => this.takeCompletions(),
    (token) => this.cancel(token),
  );
  private unreportedFailures: QToken[] = [];
  failuresUncollected = 0;
  private failureReported = false;
  private lastAddress: { words: [number, number, number, number]; family: number; address: string } | undefined;

  constructor(
    readonly environment: Environment,
    readonly config: ResolvedConfig,
    readonly checks: boolean,
    native: NativeLibOS,
  ) {
    this.native = native;
    this.submit = native.submit;
    this.spins = config.poll === 'busy' || (config.poll === 'adaptive' && native.isWorthSpinning);
    this.words = new Int32Array(native.control, 0, Area.Descriptors);
    this.descriptors = new Float64Array(native.control, Area.Descriptors * 4, config.limits.queues);
    this.tokensLimit = config.limits.tokens;
    this.watch = new SgArrayWatch(this);
    environment.add(this);
  }

  /** The descriptor of a queue that native code has just opened. */
  opened(slot: number): number {
    const qd = this.descriptors[slot];
    this.number = Math.floor(qd / LIBOS_UNIT);
    return qd;
  }

  // --- refusing ---

  /** The slot of a descriptor that is open here. */
  slotOf(qd: number, syscall: string): number {
    const slot = slotBits(qd);
    if (this.descriptors[slot] === qd && qd !== 0) return slot;
    throw this.badDescriptor(qd, syscall);
  }

  badDescriptor(qd: unknown, syscall: string): Error {
    if (typeof qd !== 'number') {
      const error = new TypeError(`${syscall}: qd must be a queue descriptor (a number); it is ${typeof qd === 'object' ? 'an object' : String(qd)}`);
      return Object.assign(error, { code: 'ERR_INVALID_ARG_TYPE' as const });
    }
    return new DemiError('EBADF', syscall, { qd, detail: this.whyBadDescriptor(qd) });
  }

  private whyBadDescriptor(qd: number): string {
    if (this.stopped) return 'the libOS was stopped, which closed all of its descriptors';
    if (!Number.isSafeInteger(qd) || qd <= 0) return 'no descriptor is such a number; valid is what socket(), queue() or an accept gave';
    const known = Math.floor(qd / LIBOS_UNIT) === this.number;
    return known ? 'it was closed' : 'it belongs to another libOS or another thread';
  }

  /** Throws for what a native function returned, if it refused. */
  check(result: number, syscall: string, details?: DemiErrorDetails): number {
    if (result >= 0) return result;
    throw DemiError.fromErrno(result, syscall, details);
  }

  requireRunning(syscall: string): void {
    if (this.stopped) throw new DemiError('EINVAL', syscall, { detail: 'the libOS was stopped; createLibOS makes another' });
  }

  // --- starting operations ---

  /** Whether the limit of tokens lets an operation start, beside `more` that are about to. */
  admits(more: number): boolean {
    return this.pending + this.held + more < this.tokensLimit;
  }

  /** Throws before an operation is started that the limit of tokens forbids. */
  requireToken(syscall: string, qd: number): void {
    if (this.pending + this.held >= this.tokensLimit) this.refuseToken(syscall, qd);
  }

  private refuseToken(syscall: string, qd: number): never {
    throw new DemiError('EAGAIN', syscall, {
      qd,
      detail: `limits.tokens (${this.tokensLimit}) are pending or hold results that nobody collected`,
    });
  }

  /** Submits what is in the first `count` submission entries. Returns the status of the first. */
  submitEntries(count: number): number {
    const { words } = this;
    words[Header.SubmitCount] = count;
    this.submit();
    return words[E0];
  }

  /** What is thrown for a status that says the call was refused. */
  refusal(code: number, qd: number, status: number, details?: DemiErrorDetails): DemiError {
    return DemiError.fromErrno(Status.Refused - status, OPCODE_NAMES[code], { qd, ...details });
  }

  // V8 makes one piece of code of what an operation calls, up to a size. So what is rare has functions of its own.

  /** Makes the token of an operation whose status, which is no refusal, native code has just written to the first entry. */
  begun<T extends Success>(code: number, qd: number, status: number, options: OperationOptions | undefined): QToken<T> {
    const { words } = this;
    const received = status === Status.Details && words[E0 + Entry.QueueSlot] === 0;
    const token = received ? this.received<T>(code, qd, E0) : this.begunOther<T>(code, qd, status, options);
    if (words[Header.Attention] !== 0) this.environment.drain();
    return token;
  }

  /** As begun(), for a push, which mostly has finished. */
  begunPush(qd: number, status: number, options: OperationOptions | undefined): QToken<PushResult> {
    if (status !== Status.Done) return this.begun<PushResult>(OP_PUSH, qd, status, options);
    const token = this.succeeded<PushResult>(OP_PUSH, qd);
    if (this.words[Header.Attention] !== 0) this.environment.drain();
    return token;
  }

  private begunOther<T extends Success>(code: number, qd: number, status: number, options: OperationOptions | undefined): QToken<T> {
    if (status === Status.Done) return this.succeeded<T>(code, qd);
    const token = this.pendingOrFailed<T>(code, qd, status, E0);
    if (options !== undefined && status >= 0) this.limit(token as unknown as QToken, options);
    if (this.spins) this.environment.startSpinning(this);
    return token;
  }

  /** The token of an operation that has succeeded at once and has nothing to say. */
  private succeeded<T extends Success>(code: number, qd: number): QToken<T> {
    const token = new QToken<T>(this, qd, code, Slot.Finished, TokenState.Done, undefined);
    this.completed.add(token as unknown as QToken, this.held);
    return token;
  }

  /** The token of a pop or an accept that has finished at once. */
  private received<T extends Success>(code: number, qd: number, entry: number): QToken<T> {
    const payload = code === OP_POP ? this.readPop(entry) : this.readAccept(entry);
    const token = new QToken<T>(this, qd, code, Slot.Finished, TokenState.Done, payload);
    this.completed.add(token as unknown as QToken, this.held++);
    return token;
  }

  private pendingOrFailed<T extends Success>(code: number, qd: number, status: number, entry: number): QToken<T> {
    if (status < 0) {
      const failure =
        status === Status.Details
          ? this.readFailure(code, entry, undefined, undefined)
          : new Failure(Status.Refused - status, undefined, undefined, undefined, undefined);
      return this.failed<T>(code, qd, failure);
    }
    const token = new QToken<T>(this, qd, code, status, TokenState.Pending, undefined);
    this.tokens[status] = token as unknown as QToken;
    ++this.pending;
    return token;
  }

  /** Makes the token of one operation of a batch, from its entry; batchBegun() follows the last of them. */
  begunInBatch(code: number, qd: number, entry: number): QToken {
    const status = this.words[entry];
    if (status === Status.Details && this.words[entry + Entry.QueueSlot] === 0) return this.received(code, qd, entry);
    return status === Status.Done ? this.succeeded(code, qd) : this.pendingOrFailed(code, qd, status, entry);
  }

  batchBegun(): void {
    if (this.words[Header.Attention] !== 0) this.environment.drain();
    if (this.spins) this.environment.startSpinning(this);
  }

  /** A token that failed before anything was started, or at once. */
  failed<T extends Success>(code: number, qd: number, failure: Failure): QToken<T> {
    const token = new QToken<T>(this, qd, code, Slot.Failed, TokenState.Done, failure);
    this.noteDone(token as unknown as QToken);
    return token;
  }

  /** Applies signal, timeout and deadline to a pending operation. */
  private limit(token: QToken, options: OperationOptions): void {
    const { signal, timeout, deadline } = options;
    if (timeout !== undefined || deadline !== undefined) {
      const due = Math.min(timeout === undefined ? Infinity : this.native.now() + timeout, deadline ?? Infinity);
      this.native.setDeadline(token.slot, due);
    }
    if (signal !== undefined) this.abortions.add(token, signal);
  }

  wantsSpin(): boolean {
    return this.spins && !this.stopped && this.pending > 0;
  }

  /** The tokens that have not finished. */
  pendingTokens(): QToken[] {
    return this.tokens.filter((token) => token !== undefined);
  }

  cancel(token: QToken): void {
    if (token.slot < 0 || this.stopped) return;
    this.takeCompletions();
    if (token.slot < 0) return;
    this.native.cancel(token.slot);
    this.environment.drain();
  }

  // --- completions ---

  /** Whether there were any. */
  takeCompletions(): boolean {
    if (this.words[Header.Attention] === 0) return false;
    this.environment.drain();
    return true;
  }

  /** Takes everything from the completion ring. */
  drain(): void {
    const { words } = this;
    words[Header.Attention] = 0;
    for (;;) {
      let taken = 0;
      while (this.consumed !== words[Header.Published]) {
        const entry = Area.Ring + (this.consumed & RING_MASK) * Area.EntryWords;
        const slot = words[entry];
        const token = this.tokens[slot] as QToken;
        this.tokens[slot] = undefined;
        const aborted = this.abortions.size > 0 ? this.abortions.end(token) : undefined;
        const failed = words[entry + Entry.QueueSlot] !== 0;
        if (failed) token.payload = this.readFailure(token.code, entry, aborted, token);
        else if (token.code === OP_POP) token.payload = this.readPop(entry);
        else if (token.code === OP_ACCEPT) token.payload = this.readAccept(entry);
        token.slot = failed ? Slot.Failed : Slot.Finished;
        this.consumed = (this.consumed + 1) | 0;
        words[Header.Consumed] = this.consumed;
        this.settle(token);
        ++taken;
      }
      // A full ring may have kept more from coming.
      if (taken < Area.RingEntries) return;
      this.native.flush();
      words[Header.Attention] = 0;
    }
  }

  private settle(token: QToken): void {
    const { state } = token;
    --this.pending;
    if (state === TokenState.Claimed) {
      token.settleClaimed();
      return;
    }
    if (token.holds) ++this.held;
    if (state === TokenState.Watched) {
      (token.waiter as WaitSet).completed(token);
    } else {
      token.state = TokenState.Done;
      this.noteDone(token);
    }
  }

  /** Takes a token out of its wait set: it belongs to whoever asks next. */
  unwatch(token: QToken): void {
    (token.waiter as WaitSet).delete(token);
  }

  /** A finished token is there for whoever asks. */
  noteDone(token: QToken): void {
    this.completed.add(token, this.held);
    if (token.slot === Slot.Failed && (token.payload as Failure).errno !== ECANCELED) this.noteFailure(token);
  }

  // A failure that nobody has collected when the event loop comes round again is probably one that nobody will.
  private noteFailure(token: QToken): void {
    if (this.unreportedFailures.push(token) > 1) return;
    nextTurn(() => {
      const failures = this.unreportedFailures.filter((failed) => failed.state === TokenState.Done && (failed.payload as Failure).isNews());
      this.unreportedFailures = [];
      this.failuresUncollected += failures.length;
      if (failures.length === 0 || this.failureReported) return;
      this.failureReported = true;
      const { error } = failures[0].result() as { error: DemiError };
      process.emitWarning(
        `nobody has collected the failure of ${error.syscall} on qd ${failures[0].qd}: ${error.message}. ` +
          'Await the token or wait for it. Further ones are only counted (failuresUncollected in stats()).',
        { type: 'DemiWarning', code: 'DEMI_FAILURE_UNCOLLECTED' },
      );
    });
  }

  // --- reading entries ---

  private readPop(entry: number): SgArray | Datagram {
    const sga = this.readSga(entry);
    return (this.words[entry + Entry.PortAndFamily] & 0xff) === 0 ? sga : new Datagram(sga, this.readEndpoint(entry));
  }

  private readAccept(entry: number): Accepted {
    return { newQd: this.descriptors[this.words[entry + Entry.NewQueue]], addr: this.readEndpoint(entry) };
  }

  private readFailure(code: number, entry: number, aborted: Abortion | undefined, token: QToken | undefined): Failure {
    const { words } = this;
    const errno = words[entry + Entry.QueueSlot];
    const target = code === OP_CONNECT ? (token?.payload as Endpoint | undefined) : undefined;
    const cause = errno === ECANCELED ? aborted : undefined;
    return new Failure(errno, code === OP_PUSH ? this.readBytes(entry) : undefined, cause, undefined, target);
  }

  /** The bytes accepted or popped: two words, of which the high one is hardly ever needed. A small integer costs V8 no box. */
  private readBytes(entry: number): number {
    const low = this.words[entry + Entry.Argument];
    const high = this.words[entry + Entry.Offset];
    return high === 0 && low >= 0 ? low : bytesOf(high, low);
  }

  /** The SgArray that an entry describes. */
  readSga(entry: number): SgArray {
    const { words } = this;
    const kind = this.checks ? CheckedSgArray : SgArray;
    const sga = new kind(
      this,
      words[entry + Entry.Sga],
      this.readBytes(entry),
      words[entry + Entry.SegmentWindow],
      words[entry + Entry.SegmentOffset],
      words[entry + Entry.SegmentLength],
      words[entry + Entry.SegmentCount],
    );
    this.watch.made(sga);
    return sga;
  }

  /** The SgArray that a native call has made, or its refusal. */
  sgaFrom(syscall: string, result: number): SgArray {
    if (result < 0) {
      const { bufferBytesAvailable, bufferBytesLimit } = this.native.stats();
      const detail = errnoName(result) === 'ENOMEM' ? `${bufferBytesAvailable} of limits.bufferBytes (${bufferBytesLimit}) are free` : undefined;
      throw DemiError.fromErrno(result, syscall, { detail });
    }
    return this.readSga(E0);
  }

  readEndpoint(entry: number): Endpoint {
    const { words } = this;
    const a = entry + Entry.Address;
    const family = (words[entry + Entry.PortAndFamily] & 0xff) as 4 | 6;
    const port = words[entry + Entry.PortAndFamily] >>> 16;
    const scope = words[entry + Entry.Scope];
    const last = this.lastAddress;
    const known =
      last !== undefined &&
      last.family === family &&
      last.words[0] === words[a] &&
      last.words[1] === words[a + 1] &&
      last.words[2] === words[a + 2] &&
      last.words[3] === words[a + 3];
    // Making the text of an address costs more than the whole operation, and the next one mostly comes from the same peer.
    if (known && scope === 0) return { address: last.address, port };
    const endpoint = formatEndpoint(family, words[a], words[a + 1], words[a + 2], words[a + 3], port, scope);
    if (scope === 0) {
      this.lastAddress = { words: [words[a], words[a + 1], words[a + 2], words[a + 3]], family, address: endpoint.address };
    }
    return endpoint;
  }

  /** Writes an endpoint where a submission entry has it. */
  writeEndpoint(endpoint: ParsedEndpoint, entry = E0): void {
    const { words } = this;
    words[entry + Entry.PortAndFamily] = (endpoint.port << 16) | endpoint.family;
    words[entry + Entry.Scope] = endpoint.scopeId;
    for (let i = 0; i < 4; ++i) words[entry + Entry.Address + i] = endpoint.words[i];
  }

  // --- memory ---

  /** The ArrayBuffer over a window of the slab. One that was transferred away is exposed anew. */
  window(index: number): ArrayBuffer {
    const known = this.windows[index];
    if (known !== undefined && known.byteLength > 0) return known;
    const exposed = this.native.window(index) as ArrayBuffer;
    return (this.windows[index] = exposed);
  }

  /** Gives an SgArray's memory back: with the next native call, or at once if a push waits for it. */
  returnSga(sga: SgArray): void {
    this.watch.gone(sga);
    if (this.stopped || sga.id === 0) return;
    const { words } = this;
    const count = words[Header.ReturnCount];
    words[Area.Returns + count] = sga.id;
    words[Header.ReturnCount] = count + 1;
    if (count + 1 < Area.ReturnEntries && words[Header.MemoryWaits] === 0) return;
    this.native.flush();
    this.takeCompletions();
  }

  /** An SgArray was pushed. */
  sgaGone(sga: SgArray): void {
    this.watch.gone(sga);
  }

  // --- waiting ---

  /** When a wait that begins now is over, on native.now(). One of 0 ms takes its only look at the libOS here. */
  endOfWait(timeoutMs: number | undefined): number {
    if (timeoutMs === undefined) return Infinity;
    if (timeoutMs > 0) return this.native.now() + timeoutMs;
    this.native.waitSlice(0);
    this.environment.drain();
    return -Infinity;
  }

  /**
   * Turns until something completes or the time is over; false when it is over. Each slice is entered through a function call of its
   * own, because that is where JavaScript can be terminated.
   *
   * @param until - on native.now(); Infinity for no limit.
   * @throws {@link DemiError} `EDEADLK` if nothing can ever complete.
   */
  waitUntil(until: number, syscall: string, qd?: number): boolean {
    // Everything has finished, and its clock stands still.
    if (this.stopped) return false;
    const left = until === Infinity ? 1 : until - this.native.now();
    if (left < 0) return false;
    const waited = this.native.waitSlice(left);
    this.environment.drain();
    if (waited === Waited.Deadlock) {
      if (until === Infinity) throw this.deadlock(syscall, qd);
      // With a time-out the wait ends by itself, as it does on every libOS.
      if (left > 0) sleepAtMost(left);
    }
    return true;
  }

  /** The end of a wait whose time is over: undefined for one that was only to look, an error for the others. */
  waitIsOver(timeoutMs: number, syscall: string, qd?: number): undefined {
    if (timeoutMs === 0) return undefined;
    throw new DemiError('ETIMEDOUT', syscall, {
      ...(qd === undefined ? {} : { qd }),
      detail: `nothing finished within ${timeoutMs} ms; the operation goes on`,
    });
  }

  private deadlock(syscall: string, qd: number | undefined): DemiError {
    return new DemiError('EDEADLK', syscall, {
      ...(qd === undefined ? {} : { qd }),
      detail: "only this thread's own JavaScript could complete it, and that is waiting here: await the token instead, or give a time-out",
    });
  }

  // --- what is going on ---

  idOf(token: QToken): number {
    const known = this.ids.get(token);
    if (known !== undefined) return known;
    this.ids.set(token, ++this.lastId);
    return this.lastId;
  }

  tokenAt(slot: number): QToken | undefined {
    return this.tokens[slot];
  }

  /** Ends everything: the libOS has drained. */
  end(): void {
    this.drain();
    this.stopped = true;
    this.native.destroy();
    this.windows.length = 0;
    this.environment.remove(this);
    this.whenStopped?.();
  }

  /** A pending connect remembers where it goes, for its error. */
  setTarget(token: QToken, target: Endpoint): void {
    if (token.slot >= 0) token.payload = target;
    else if (token.slot === Slot.Failed) {
      const { errno, bytesAccepted, aborted, error } = token.payload as Failure;
      token.payload = new Failure(errno, bytesAccepted, aborted, error, target);
    }
  }
}

function bytesOf(high: number, low: number): number {
  return high * 2 ** 32 + (low >>> 0);
}

const sleeping = new Int32Array(new SharedArrayBuffer(4));

/** Sleeps without burning the processor, in steps short enough for the thread to be terminated in between. */
function sleepAtMost(milliseconds: number): void {
  Atomics.wait(sleeping, 0, 0, Math.min(milliseconds, 1));
}
