// Engine: what is behind a LibOS: its native functions and its control region, the tokens that are on their way, and the accounts.
// The hot path is start(): a submission is a few words written, one native call without arguments, and a few words read.
// Read ../native/layout.ts first.

import { formatEndpoint, type Endpoint, type ParsedEndpoint } from '../core/endpoint';
import { DemiError, errnoName, type DemiErrorDetails } from '../core/errors';
import type { ResolvedConfig } from '../core/config';
import type { NativeLibOS } from '../native/binding';
import { Area, Entry, Header, LIBOS_UNIT, slotBits, Status, Waited } from '../native/layout';
import { AbortWatch, type Abortion } from './abort-watch';
import type { Environment } from './environment';
import type { OperationOptions, Success } from './results';
import { CheckedSgArray, SgArray } from './sgarray';
import { Datagram, Failure, OPCODE_NAMES, QToken, TokenState, type Accepted } from './token';
import { WaitSet } from './wait-set';
import { SgArrayWatch } from './sgarray-watch';

const OP_POP = 2;
const OP_ACCEPT = 3;
const OP_CONNECT = 4;
const ECANCELED = 125;
const RING_MASK = Area.RingEntries - 1;
// The words of an entry that describe an endpoint.
const E0 = Area.Submissions as number;

const nextTurn = setImmediate;

/** A bound for the list of finished tokens that nobody has collected; see Engine.noteCompleted. */
const REMEMBERED_COMPLETIONS = 1024;

/** @internal */
export class Engine {
  readonly native: NativeLibOS;
  readonly words: Int32Array;
  /** Slot -> the descriptor that is open there, or 0. Written by native code. */
  readonly descriptors: Float64Array;
  readonly watch: SgArrayWatch;
  stopped = false;

  private readonly tokens: (QToken | undefined)[] = [];
  private readonly windows: (ArrayBuffer | undefined)[] = [];
  readonly tokensLimit: number;
  private readonly ids = new WeakMap<QToken, number>();
  private lastId = 0;
  /** The number of this libOS in its descriptors; NaN until it has opened one. */
  private number = NaN;
  private consumed = 0;
  /** Tokens that are pending, and finished pops and accepts that nobody has collected. */
  live = 0;
  /** Finished tokens that nobody has claimed, in order; collected ones are swept now and then. */
  completed: QToken[] = [];
  private completedFrom = 0;
  private sweepAt = 4 * REMEMBERED_COMPLETIONS;
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

  /** Throws before an operation is started that the limit of tokens forbids. */
  requireToken(syscall: string, qd: number): void {
    if (this.live < this.tokensLimit) return;
    throw new DemiError('EAGAIN', syscall, {
      qd,
      detail: `limits.tokens (${this.tokensLimit}) are pending or hold results that nobody collected`,
    });
  }

  /**
   * Submits what is in the first submission entry and makes its token.
   *
   * @param refusal - what to say of a refusal, beside its code.
   */
  start<T extends Success>(code: number, qd: number, options: OperationOptions | undefined, refusal?: () => DemiErrorDetails): QToken<T> {
    this.words[Header.SubmitCount] = 1;
    this.native.submit();
    return this.begun<T>(code, qd, this.words[E0], E0, options, refusal);
  }

  /** Makes the token of an operation whose status native code has just returned. */
  begun<T extends Success>(
    code: number,
    qd: number,
    status: number,
    entry: number,
    options: OperationOptions | undefined,
    refusal?: () => DemiErrorDetails,
  ): QToken<T> {
    let token: QToken<T>;
    if (status >= 0) {
      token = new QToken<T>(this, qd, code, status, TokenState.Pending, undefined);
      this.tokens[status] = token as unknown as QToken;
      ++this.live;
      if (options !== undefined) this.limit(token as unknown as QToken, options);
      if (this.words[Header.Attention] !== 0) this.environment.drain();
      else if (this.spins) this.environment.startSpinning(this);
      return token;
    }
    if (status === Status.Done) {
      token = new QToken<T>(this, qd, code, -1, TokenState.Done, undefined);
    } else if (status === Status.Details) {
      token = new QToken<T>(this, qd, code, -1, TokenState.Done, this.readPayload(code, entry));
      if (this.holds(token as unknown as QToken)) ++this.live;
    } else {
      throw DemiError.fromErrno(Status.Refused - status, OPCODE_NAMES[code], { qd, ...refusal?.() });
    }
    this.noteCompleted(token as unknown as QToken);
    if (this.words[Header.Attention] !== 0) this.environment.drain();
    return token;
  }

  /** Makes the tokens of a batch whose entries have just been submitted, in order. */
  expect(codes: readonly number[], qds: readonly number[], tokens: QToken[]): void {
    const { words } = this;
    for (let i = 0; i < codes.length; ++i) {
      const entry = Area.Submissions + i * Area.EntryWords;
      const status = words[entry];
      const code = codes[i];
      let token: QToken;
      if (status >= 0) {
        token = new QToken(this, qds[i], code, status, TokenState.Pending, undefined);
        this.tokens[status] = token;
        ++this.live;
      } else {
        let payload: unknown;
        if (status === Status.Details) payload = this.readPayload(code, entry);
        else if (status !== Status.Done) payload = new Failure(Status.Refused - status, undefined, undefined, undefined, undefined);
        token = new QToken(this, qds[i], code, -1, TokenState.Done, payload);
        if (this.holds(token)) ++this.live;
        this.noteCompleted(token);
      }
      tokens.push(token);
    }
    if (words[Header.Attention] !== 0) this.environment.drain();
    else if (this.spins) this.environment.startSpinning(this);
  }

  /** A token that failed before anything was started. */
  failed<T extends Success>(code: number, qd: number, failure: Failure): QToken<T> {
    const token = new QToken<T>(this, qd, code, -1, TokenState.Done, failure);
    this.noteCompleted(token as unknown as QToken);
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

  private get spins(): boolean {
    return this.config.poll === 'busy';
  }

  wantsSpin(): boolean {
    return this.spins && !this.stopped && this.tokens.some((token) => token !== undefined);
  }

  cancel(token: QToken): void {
    if (token.slot < 0 || this.stopped) return;
    this.takeCompletions();
    if (token.slot < 0) return;
    this.native.cancel(token.slot);
    this.environment.drain();
  }

  // --- completions ---

  takeCompletions(): void {
    if (this.words[Header.Attention] !== 0) this.environment.drain();
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
        const payload = this.readPayload(token.code, entry, token);
        this.consumed = (this.consumed + 1) | 0;
        words[Header.Consumed] = this.consumed;
        this.settle(token, payload);
        ++taken;
      }
      // A full ring may have kept more from coming.
      if (taken < Area.RingEntries) return;
      this.native.flush();
      words[Header.Attention] = 0;
    }
  }

  private settle(token: QToken, payload: unknown): void {
    token.payload = payload;
    token.slot = -1;
    const state = token.state;
    if (state === TokenState.Claimed) {
      --this.live;
      token.settleClaimed();
    } else if (state === TokenState.Watched) {
      if (!this.holds(token)) --this.live;
      (token.waiter as WaitSet).completed(token);
    } else {
      token.state = TokenState.Done;
      if (!this.holds(token)) --this.live;
      this.noteCompleted(token);
    }
  }

  /** Whether the result of a finished token counts against the limit until it is collected. */
  private holds(token: QToken): boolean {
    return (token.code === OP_POP || token.code === OP_ACCEPT) && !(token.payload instanceof Failure);
  }

  /** Somebody takes the result of a finished token that nobody had claimed. */
  collected(token: QToken): void {
    if (this.holds(token)) --this.live;
  }

  /** Takes a token out of its wait set: it belongs to whoever asks next. */
  unwatch(token: QToken): void {
    (token.waiter as WaitSet).delete(token);
  }

  /**
   * Remembers a finished token for wait_next_n. Results that must not be lost (pops and accepts) are kept until they are collected. The
   * others hold no slot: only the last 1024 of them are kept, so that pushes which nobody waits for cost nothing.
   */
  noteCompleted(token: QToken): void {
    if (this.completed.push(token) >= this.sweepAt) this.sweepCompleted();
    if (token.payload instanceof Failure && token.payload.errno !== ECANCELED) this.noteFailure(token);
  }

  private sweepCompleted(): void {
    let remembered = 0;
    const kept: QToken[] = [];
    for (let i = this.completed.length - 1; i >= this.completedFrom; --i) {
      const token = this.completed[i];
      if (token.state !== TokenState.Done) continue;
      if (this.holds(token) || ++remembered <= REMEMBERED_COMPLETIONS) kept.push(token);
    }
    this.completed = kept.reverse();
    this.completedFrom = 0;
    this.sweepAt = Math.max(4 * REMEMBERED_COMPLETIONS, 2 * kept.length);
  }

  /** The next finished token that nobody has claimed, or undefined. */
  nextCompleted(): QToken | undefined {
    while (this.completedFrom < this.completed.length) {
      const token = this.completed[this.completedFrom];
      if (token.state === TokenState.Done) return token;
      ++this.completedFrom;
    }
    this.completed.length = this.completedFrom = 0;
    return undefined;
  }

  /** How many finished tokens nobody has claimed, counted up to `enough`. */
  countCompleted(enough: number): number {
    let count = 0;
    for (let i = this.completedFrom; i < this.completed.length && count < enough; ++i) {
      if (this.completed[i].state === TokenState.Done) ++count;
    }
    return count;
  }

  // A failure that nobody has collected when the event loop comes round again is probably one that nobody will.
  private noteFailure(token: QToken): void {
    if (this.unreportedFailures.push(token) > 1) return;
    nextTurn(() => {
      const failures = this.unreportedFailures.filter((failed) => failed.state === TokenState.Done);
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

  private readPayload(code: number, entry: number, token?: QToken): unknown {
    const { words } = this;
    const errno = words[entry + Entry.QueueSlot];
    if (this.abortions.size > 0 && token !== undefined) {
      const aborted = this.abortions.end(token);
      if (errno !== 0) return this.readFailure(code, entry, errno, errno === ECANCELED ? aborted : undefined, token);
    } else if (errno !== 0) {
      return this.readFailure(code, entry, errno, undefined, token);
    }
    if (code === OP_POP) {
      const sga = this.readSga(entry);
      return (words[entry + Entry.PortAndFamily] & 0xff) === 0 ? sga : new Datagram(sga, this.readEndpoint(entry));
    }
    if (code === OP_ACCEPT) {
      const accepted: Accepted = { newQd: this.descriptors[words[entry + Entry.NewQueue]], addr: this.readEndpoint(entry) };
      return accepted;
    }
    return undefined;
  }

  private readFailure(code: number, entry: number, errno: number, aborted: Abortion | undefined, token?: QToken): Failure {
    const { words } = this;
    const bytes = words[entry + Entry.Offset] * 2 ** 32 + (words[entry + Entry.Argument] >>> 0);
    const target = code === OP_CONNECT ? (token?.payload as Endpoint | undefined) : undefined;
    return new Failure(errno, code === 1 ? bytes : undefined, aborted, undefined, target);
  }

  /** The SgArray that an entry describes. */
  readSga(entry: number): SgArray {
    const { words } = this;
    const bytes = words[entry + Entry.Offset] * 2 ** 32 + (words[entry + Entry.Argument] >>> 0);
    const kind = this.checks ? CheckedSgArray : SgArray;
    const sga = new kind(
      this,
      words[entry + Entry.Sga],
      bytes,
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
    if (this.stopped) return;
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

  /** How many finished pops and accepts nobody has collected. */
  get uncollected(): number {
    this.takeCompletions();
    return this.live - this.tokens.reduce((count, token) => count + (token === undefined ? 0 : 1), 0);
  }

  /** Ends everything: the libOS has drained. */
  end(): void {
    this.drain();
    this.stopped = true;
    this.native.destroy();
    this.cancelLeftovers();
    this.windows.length = 0;
    this.environment.remove(this);
  }

  // What was started while the libOS drained: nobody native is left to say that it ends.
  private cancelLeftovers(): void {
    for (const [slot, token] of this.tokens.entries()) {
      if (token === undefined) continue;
      this.tokens[slot] = undefined;
      this.abortions.end(token);
      this.settle(token, new Failure(ECANCELED, token.code === 1 ? 0 : undefined, undefined, undefined, undefined));
    }
  }

  /** A pending connect remembers where it goes, for its error. */
  setTarget(token: QToken, target: Endpoint): void {
    if (token.slot >= 0) token.payload = target;
    else if (token.payload instanceof Failure) {
      const { errno, bytesAccepted, aborted, error } = token.payload;
      token.payload = new Failure(errno, bytesAccepted, aborted, error, target);
    }
  }
}

const sleeping = new Int32Array(new SharedArrayBuffer(4));

/** Sleeps without burning the processor, in steps short enough for the thread to be terminated in between. */
function sleepAtMost(milliseconds: number): void {
  Atomics.wait(sleeping, 0, 0, Math.min(milliseconds, 1));
}
