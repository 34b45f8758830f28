// QToken: the receipt of an operation, and an awaitable. It is made at every operation, so it holds little, and builds its result, its
// error and its promise only when somebody asks.

import type { Endpoint } from '../core/endpoint';
import { DemiError, errnoName } from '../core/errors';
import type { Engine } from './engine';
import type { FailedResult, Success } from './results';
import type { SgArray } from './sgarray';
import type { WaitSet } from './wait-set';

/** Where a token stands. @internal */
export const enum TokenState {
  /** Not finished; nobody has asked for its promise. */
  Pending = 0,
  /** Finished; its result waits to be collected. */
  Done = 1,
  /** Not finished; its promise will hand the result over. */
  Claimed = 2,
  /** The result was handed over. */
  Collected = 3,
  /** In a wait set, finished or not. */
  Watched = 4,
  /** Seen in the array of tokens that a wait is just checking. */
  Listed = 5,
}

/** What the slot of a finished token is. @internal */
export const enum Slot {
  Finished = -1,
  Failed = -2,
}

const PUSH = 1;
const POP = 2;
const ACCEPT = 3;
/** The names of the opcodes, by their number. @internal */
export const OPCODE_NAMES = ['', 'push', 'pop', 'accept', 'connect', 'close', 'shutdown'] as const;

/** Why an operation failed; the error is made when it is read. @internal */
export class Failure {
  private counted = false;

  constructor(
    readonly errno: number,
    readonly bytesAccepted: number | undefined,
    /** Why the signal was aborted, if one ended the operation. */
    readonly aborted: { reason: unknown } | undefined,
    /** An error that exists already. */
    readonly error: DemiError | undefined,
    /** Where a connect was going. */
    readonly target: Endpoint | undefined,
  ) {}

  /** Whether it was not counted as one that nobody collects before; from now on it was. */
  isNews(): boolean {
    const isNews = !this.counted;
    this.counted = true;
    return isNews;
  }
}

/** What a pop of a datagram gave. @internal */
export class Datagram {
  constructor(
    readonly sga: SgArray,
    readonly from: Endpoint,
  ) {}
}

/** What an accept gave. @internal */
export interface Accepted {
  newQd: number;
  addr: Endpoint;
}

/** The promise of a token that has not finished. */
class Deferred {
  readonly promise: Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;

  constructor() {
    this.promise = new Promise(expose);
    this.resolve = exposedResolve;
    this.reject = exposedReject;
  }
}

let exposedResolve: (value: unknown) => void;
let exposedReject: (reason: unknown) => void;
// One function for all promises spares each a closure.
const expose = (resolve: (value: unknown) => void, reject: (reason: unknown) => void): void => {
  exposedResolve = resolve;
  exposedReject = reject;
};

// jest and others replace the global; a token must not depend on a faked clock.
const nextTurn = setImmediate;
// A program that only ever awaits what is finished already would never let the event loop run. One await in this many takes a turn of it.
const AWAITS_PER_LOOP_TURN = 1024;
let finishedAwaits = 0;

/**
 * The receipt of one operation. It can be awaited like a promise, or given to the `demi_wait*` calls; either collects its result, once.
 *
 * No promise exists until somebody asks for one: the first `then` (or `await`) claims the token and makes a promise that is kept, so
 * awaiting twice, or again after a lost `Promise.race`, gives the same result object. A finished token costs no turn of the event loop
 * (but one in 1024 awaits takes one, so that timers and sockets are not starved). Awaiting a failed operation rejects with its
 * {@link DemiError}.
 *
 * An `async` function that returns a token awaits it, as JavaScript does with every thenable: return `{ qt }` instead.
 *
 * @example
 * ```ts
 * import { demi_pop, demi_push, demi_queue } from 'demi-io';
 *
 * async function main(): Promise<void> {
 *   const qd = demi_queue();
 *   demi_push(qd, 'hello');
 *   const { sga } = await demi_pop(qd);
 *   console.log(sga.toBuffer().toString());
 *   sga.free();
 * }
 * ```
 */
export class QToken<T extends Success = Success> implements Promise<T> {
  /** @internal */
  readonly engine: Engine;
  /** The queue descriptor that the operation is on. */
  readonly qd: number;
  /** @internal */
  readonly code: number;
  /** While it is pending, the operation's slot in the native table; then Slot.Finished or Slot.Failed. @internal */
  slot: number;
  /** @internal */
  state: TokenState;
  /** Of a finished pop the SgArray, of an accept the connection, of a failure why; of a pending connect where to. @internal */
  payload: unknown;
  /** @internal */
  outcome: T | FailedResult | undefined;
  /** Who waits for it: the promise of a claimed token, or the wait set; afterwards the promise that somebody asked for. @internal */
  waiter: Deferred | Promise<T> | WaitSet | undefined;

  /** @internal */
  constructor(engine: Engine, qd: number, code: number, slot: number, state: TokenState, payload: unknown) {
    this.engine = engine;
    this.qd = qd;
    this.code = code;
    this.slot = slot;
    this.state = state;
    this.payload = payload;
    this.outcome = undefined;
    this.waiter = undefined;
  }

  // The first method of the class, because each await looks it up by going through them.
  /** As `Promise.prototype.then`; claims the token. */
  then<R1 = T, R2 = never>(
    onfulfilled?: ((value: T) => R1 | PromiseLike<R1>) | null,
    onrejected?: ((reason: unknown) => R2 | PromiseLike<R2>) | null,
  ): Promise<R1 | R2> {
    return this.promise().then(onfulfilled, onrejected);
  }

  /** Whether the operation has finished, well or not. */
  get done(): boolean {
    this.engine.takeCompletions();
    return this.slot < 0;
  }

  /** The operation: `'push'`, `'pop'`, `'accept'`, `'connect'`, `'close'` or `'shutdown'`. */
  get opcode(): T['opcode'] {
    return OPCODE_NAMES[this.code] as T['opcode'];
  }

  /** A number for logs that no other token of this libOS has; it is composed when it is asked for first. */
  get id(): number {
    return this.engine.idOf(this);
  }

  /** Always `'QToken'`. */
  get [Symbol.toStringTag](): string {
    return 'QToken';
  }

  /** As `Promise.prototype.catch`; claims the token. */
  catch<R = never>(onrejected?: ((reason: unknown) => R | PromiseLike<R>) | null): Promise<T | R> {
    return this.promise().then(undefined, onrejected);
  }

  /** As `Promise.prototype.finally`; claims the token. */
  finally(onfinally?: (() => void) | null): Promise<T> {
    return this.promise().finally(onfinally);
  }

  /** The promise of this token, made at the first call. @internal */
  promise(): Promise<T> {
    if (this.state === TokenState.Watched) this.engine.unwatch(this);
    switch (this.state) {
      case TokenState.Pending: {
        const deferred = new Deferred();
        this.waiter = deferred;
        this.state = TokenState.Claimed;
        return deferred.promise as Promise<T>;
      }
      case TokenState.Claimed:
        return (this.waiter as Deferred).promise as Promise<T>;
      default:
        return (this.waiter as Promise<T> | undefined) ?? this.promiseDone();
    }
  }

  private promiseDone(): Promise<T> {
    const result = this.collect();
    let promise: Promise<T>;
    if (this.slot === Slot.Failed) {
      promise = Promise.reject(this.rejection());
    } else if (++finishedAwaits % AWAITS_PER_LOOP_TURN === 0) {
      promise = new Promise<T>((resolve) => nextTurn(resolve, result as T));
    } else {
      promise = Promise.resolve(result as T);
    }
    this.waiter = promise;
    return promise;
  }

  /** Settles the promise of a claimed token that has just finished. @internal */
  settleClaimed(): void {
    const deferred = this.waiter as Deferred;
    this.state = TokenState.Collected;
    this.waiter = deferred.promise as Promise<T>;
    if (this.slot === Slot.Failed) deferred.reject(this.rejection());
    else deferred.resolve(this.result());
  }

  /** Whether its result, until it is collected, counts against the limit of tokens; the token is finished. @internal */
  get holds(): boolean {
    return (this.code === POP || this.code === ACCEPT) && this.slot === Slot.Finished;
  }

  /** Hands the result over; the token is finished. @internal */
  collect(): T | FailedResult {
    if (this.state === TokenState.Done) {
      this.state = TokenState.Collected;
      if (this.holds) --this.engine.held;
    }
    return this.result();
  }

  /** The result of a finished token, always the same object. @internal */
  result(): T | FailedResult {
    const { outcome } = this;
    return outcome === undefined ? (this.outcome = this.makeResult() as T | FailedResult) : outcome;
  }

  private makeResult(): unknown {
    const { qd, payload } = this;
    if (this.code !== POP || this.slot === Slot.Failed || payload instanceof Datagram) return this.makeOtherResult();
    return { opcode: 'pop', qd, qt: this, sga: payload };
  }

  private makeOtherResult(): unknown {
    const { qd, payload } = this;
    if (this.slot === Slot.Failed) return { opcode: 'failed', qd, qt: this, error: this.error() };
    switch (this.code) {
      case POP: {
        const { sga, from } = payload as Datagram;
        return { opcode: 'pop', qd, qt: this, sga, from };
      }
      case ACCEPT: {
        const { newQd, addr } = payload as Accepted;
        return { opcode: 'accept', qd, qt: this, newQd, addr };
      }
      default:
        return { opcode: this.opcode, qd, qt: this };
    }
  }

  /** What awaiting rejects with: the reason of the signal that ended the operation, or its error. */
  private rejection(): unknown {
    const failure = this.payload as Failure;
    return failure.aborted === undefined ? (this.result() as FailedResult).error : failure.aborted.reason;
  }

  private error(): DemiError {
    const failure = this.payload as Failure;
    if (failure.error !== undefined) return failure.error;
    const { target } = failure;
    return new DemiError(errnoName(failure.errno), this.opcode, {
      qd: this.qd,
      ...(target === undefined ? {} : { address: target.address, port: target.port }),
      ...(failure.bytesAccepted === undefined ? {} : { bytesAccepted: failure.bytesAccepted }),
      ...(failure.aborted === undefined ? {} : { cause: failure.aborted.reason }),
    });
  }
}

// A field that has only ever held numbers that are no small integers, as descriptors are, gets a box of its own for its number in every object: 16 bytes
// and their making, in each token and each result. Once it has held something else, V8 lets all of them refer to the number that is there already.
for (const code of [PUSH, POP, ACCEPT]) {
  const nothing = undefined as never;
  new QToken(nothing, nothing, code, Slot.Finished, TokenState.Collected, { newQd: nothing, addr: nothing } satisfies Accepted).result();
}
