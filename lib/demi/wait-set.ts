// WaitSet: tokens that are waited for again and again. Each is registered once, and a wait costs per completion, not per token.

import { invalidType, requireTimeout } from '../core/arguments';
import { DemiError } from '../core/errors';
import type { Engine } from './engine';
import type { FailedResult, Success } from './results';
import { QToken, TokenState } from './token';

// So many places of what was handed over are worth moving the rest.
const SWEEP_AT = 256;

/**
 * A set of tokens to wait for: `os.waitSet()`. A token in a set belongs to it: `demi_wait*` refuses it, and awaiting it takes it out. A
 * token leaves the set when its result is handed over.
 *
 * @example
 * ```ts
 * import { createLibOS } from 'demi-io';
 *
 * const os = createLibOS({ libos: 'loopback' });
 * const queues = [os.queue(), os.queue()];
 * const set = os.waitSet(queues.map((qd) => os.pop(qd)));
 * os.push(queues[1], 'hello');
 * const result = set.wait();
 * if (result.opcode === 'pop') {
 *   result.sga.free();
 *   set.add(os.pop(result.qd));
 * }
 * ```
 */
export class WaitSet<T extends Success = Success> {
  private readonly engine: Engine;
  // Who is in it says so itself, by its waiter: so a token comes and goes without a look into a table.
  private members = 0;
  private ready: QToken[] = [];
  private readyFrom = 0;

  /** @internal */
  constructor(engine: Engine) {
    this.engine = engine;
  }

  /** How many tokens are in the set, finished or not. */
  get size(): number {
    return this.members;
  }

  /**
   * Adds a token. One that has finished already is handed over by the next wait.
   *
   * @throws TypeError if it is no token.
   * @throws {@link DemiError} `EINVAL` if it belongs to another libOS or another set, is awaited, or was collected.
   */
  add(qt: QToken<T>): this {
    const token = requireToken(qt, this.engine, 'waitSet.add', 'qt');
    const finished = token.state === TokenState.Done;
    ++this.members;
    token.state = TokenState.Watched;
    token.waiter = this as unknown as WaitSet;
    if (finished) this.ready.push(token);
    return this;
  }

  /**
   * Takes a token out; it can be awaited or waited for by other means again. Returns whether it was in the set.
   */
  delete(qt: QToken<T>): boolean {
    const token = qt as unknown as QToken;
    if (!(token instanceof QToken) || !this.has(token)) return false;
    --this.members;
    token.waiter = undefined;
    const finished = token.slot < 0;
    token.state = finished ? TokenState.Done : TokenState.Pending;
    if (finished) this.engine.noteDone(token);
    return true;
  }

  /**
   * Waits until a token of the set has finished, and takes it out. Tokens are handed over in the order in which they finished.
   *
   * @param timeoutMs - milliseconds, fractions allowed; left out: no limit; 0: looks once and returns undefined if none has finished.
   * @throws {@link DemiError} `ETIMEDOUT`; `EINVAL` if the set is empty; `EDEADLK` as `demi_wait`.
   */
  wait(timeoutMs: 0): T | FailedResult | undefined;
  wait(timeoutMs?: number): T | FailedResult;
  wait(timeoutMs?: number): T | FailedResult | undefined {
    const timeout = requireTimeout('timeoutMs', timeoutMs, 'waitSet.wait');
    if (this.members === 0) throw new DemiError('EINVAL', 'waitSet.wait', { detail: 'the set is empty; add() tokens first' });
    const { engine } = this;
    engine.takeCompletions();
    if (this.next() === undefined) {
      const until = engine.endOfWait(timeout);
      while (this.next() === undefined) {
        if (!engine.waitUntil(until, 'waitSet.wait')) return engine.waitIsOver(timeout as number, 'waitSet.wait');
      }
    }
    const token = this.ready[this.readyFrom++];
    // A set that always has more that is ready would otherwise keep all that it ever handed over.
    if (this.readyFrom >= SWEEP_AT && this.readyFrom * 2 > this.ready.length) {
      this.ready.splice(0, this.readyFrom);
      this.readyFrom = 0;
    }
    --this.members;
    token.waiter = undefined;
    token.state = TokenState.Done;
    return token.collect() as T | FailedResult;
  }

  /** Takes all tokens out; they go on. */
  [Symbol.dispose](): void {
    for (const token of [...this.engine.pendingTokens(), ...this.ready]) this.delete(token as unknown as QToken<T>);
    this.ready = [];
    this.readyFrom = 0;
  }

  private has(token: QToken): boolean {
    return token.waiter === (this as unknown as WaitSet);
  }

  private next(): QToken | undefined {
    while (this.readyFrom < this.ready.length) {
      const token = this.ready[this.readyFrom];
      if (this.has(token)) return token;
      ++this.readyFrom;
    }
    this.ready.length = this.readyFrom = 0;
    return undefined;
  }

  /** A token of this set has finished. @internal */
  completed(token: QToken): void {
    this.ready.push(token);
  }
}

/**
 * Checks a token that is to be waited for.
 *
 * @throws TypeError if it is no token.
 * @throws {@link DemiError} `EINVAL` if it is another libOS's, awaited, in a wait set, or collected.
 *
 * @internal
 */
export function requireToken(qt: unknown, engine: Engine, syscall: string, name: string): QToken {
  if (!(qt instanceof QToken)) throw invalidType(name, qt, 'a QToken', syscall);
  const token = qt as QToken;
  if (token.engine !== engine) {
    throw new DemiError('EINVAL', syscall, { qd: token.qd, detail: `${name} is a token of another libOS; wait on the libOS that made it` });
  }
  if (token.state === TokenState.Pending || token.state === TokenState.Done) return token;
  const why =
    token.state === TokenState.Claimed
      ? 'is awaited: its promise gets the result'
      : token.state === TokenState.Watched
        ? 'is in a wait set: the set gets the result'
        : token.state === TokenState.Listed
          ? 'is in the array twice'
          : 'was collected already';
  throw new DemiError('EINVAL', syscall, { qd: token.qd, detail: `${name} (the ${token.opcode} on qd ${token.qd}) ${why}` });
}
