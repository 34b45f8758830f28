// The demi_wait* family: it turns the libOS in slices until what it waits for has finished. Read engine.ts (waitUntil) first.

import { invalidType, invalidValue, requireInteger, requireTimeout } from '../core/arguments';
import type { Engine } from './engine';
import type { FailedResult, Success } from './results';
import { QToken, TokenState } from './token';
import { requireToken } from './wait-set';

/** What `waitAny` gives: which token finished, and what it came to. */
export interface AnyResult<T extends Success, I extends number = number> {
  /** The place of the token in the array. */
  index: I;
  /** What it came to. */
  result: T | FailedResult;
}

type Indices<T extends readonly unknown[]> = Extract<keyof T, `${number}`> extends `${infer I extends number}` ? I : never;

/** The result of `waitAny` for an array or a tuple of tokens. */
export type AnyOf<Q extends readonly QToken[]> = number extends Q['length']
  ? Q[number] extends QToken<infer T>
    ? AnyResult<T>
    : never
  : { [I in Indices<Q>]: Q[I] extends QToken<infer T> ? AnyResult<T, I> : never }[Indices<Q>];

/** The results of `waitAll` for an array or a tuple of tokens. */
export type AllOf<Q extends readonly QToken[]> = {
  -readonly [I in keyof Q]: Q[I] extends QToken<infer T> ? T | FailedResult : never;
};

/** @internal */
export function wait(engine: Engine, qt: unknown, timeoutMs: number | undefined): Success | FailedResult | undefined {
  if (qt instanceof QToken && qt.state === TokenState.Done && qt.engine === engine && timeoutMs === undefined) return (qt as QToken).collect();
  return waitUntilDone(engine, requireToken(qt, engine, 'wait', 'qt'), timeoutMs);
}

function waitUntilDone(engine: Engine, token: QToken, timeoutMs: number | undefined): Success | FailedResult | undefined {
  const timeout = requireTimeout('timeoutMs', timeoutMs, 'wait');
  engine.takeCompletions();
  if (token.slot >= 0) {
    const until = engine.endOfWait(timeout);
    while (token.slot >= 0) {
      if (!engine.waitUntil(until, 'wait', token.qd)) return engine.waitIsOver(timeout as number, 'wait', token.qd);
    }
  }
  return token.collect();
}

function requireTokens(engine: Engine, qts: unknown, syscall: string): QToken[] {
  if (!Array.isArray(qts)) throw invalidType('qts', qts, 'an array of QTokens', syscall);
  if (qts.length === 0) throw invalidValue('qts', qts, 'an array with at least one QToken', syscall);
  const tokens: QToken[] = [];
  try {
    for (let i = 0; i < qts.length; ++i) {
      const token = requireToken(qts[i], engine, syscall, `qts[${i}]`);
      // One that comes twice would be handed over twice. Marking it finds that for less than a Set of the tokens would.
      token.state = TokenState.Listed;
      tokens.push(token);
    }
  } finally {
    for (const token of tokens) token.state = token.slot < 0 ? TokenState.Done : TokenState.Pending;
  }
  return tokens;
}

// Where the next waitAny begins to look, as a part of the whole, so that low indices do not always win. It moves on by the golden ratio:
// whichever calls an array gets, every second or every tenth, it is begun at all of its places equally often. A plain count would not do
// that: two arrays of two tokens, waited for in turn, would always be begun at the same one.
let anyFrom = 0;
const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

function findDone(tokens: readonly QToken[]): number {
  const count = tokens.length;
  anyFrom = (anyFrom + GOLDEN_RATIO) % 1;
  const from = Math.floor(anyFrom * count);
  for (let i = 0; i < count; ++i) {
    const index = (from + i) % count;
    if (tokens[index].slot < 0) return index;
  }
  return -1;
}

/** @internal */
export function waitAny(engine: Engine, qts: unknown, timeoutMs: number | undefined): AnyResult<Success> | undefined {
  const tokens = requireTokens(engine, qts, 'waitAny');
  const timeout = requireTimeout('timeoutMs', timeoutMs, 'waitAny');
  engine.takeCompletions();
  let index = findDone(tokens);
  if (index < 0) {
    const until = engine.endOfWait(timeout);
    while ((index = findDone(tokens)) < 0) {
      if (!engine.waitUntil(until, 'waitAny')) return engine.waitIsOver(timeout as number, 'waitAny');
    }
  }
  return { index, result: tokens[index].collect() };
}

/** @internal */
export function waitAll(engine: Engine, qts: unknown, timeoutMs: number | undefined): (Success | FailedResult)[] | undefined {
  const tokens = requireTokens(engine, qts, 'waitAll');
  const timeout = requireTimeout('timeoutMs', timeoutMs, 'waitAll');
  engine.takeCompletions();
  const until = tokens.some((token) => token.slot >= 0) ? engine.endOfWait(timeout) : Infinity;
  for (const token of tokens) {
    while (token.slot >= 0) {
      // Nothing is collected before everything has finished: a time-out loses no result.
      if (!engine.waitUntil(until, 'waitAll', token.qd)) return engine.waitIsOver(timeout as number, 'waitAll', token.qd);
    }
  }
  return tokens.map((token) => token.collect());
}

/** @internal */
export function waitNextN(engine: Engine, n: unknown, timeoutMs: number | undefined): (Success | FailedResult)[] {
  const wanted = requireInteger('n', n, 1, 2 ** 31 - 1, 'waitNextN');
  const timeout = requireTimeout('timeoutMs', timeoutMs, 'waitNextN');
  engine.takeCompletions();
  const results: (Success | FailedResult)[] = [];
  let until: number | undefined;
  let over = false;
  do {
    const missing = wanted - results.length;
    while (!over && engine.completed.countUpTo(missing) < missing) {
      until ??= engine.endOfWait(timeout);
      try {
        over = !engine.waitUntil(until, 'waitNextN');
      } catch (error) {
        // What is collected already must not be lost to a deadlock.
        if (results.length === 0) throw error;
        over = true;
      }
    }
    for (let token; results.length < wanted && (token = engine.completed.next()) !== undefined; ) results.push(token.collect());
    // A token that a wait set gave back may have counted twice; then there is another round.
  } while (results.length < wanted && !over);
  if (results.length === 0) engine.requireRunning('waitNextN');
  return results;
}
