// Batches: several operations in one native call.

import { types } from 'node:util';

import { describe, invalidType } from '../core/arguments';
import { DemiError } from '../core/errors';
import { Area, Entry, Flag, Header, slotBits, Status } from '../native/layout';
import type { Engine } from './engine';
import type { AcceptResult, PopResult, PushResult, Success } from './results';
import { SgArray } from './sgarray';
import { stageBytes } from './staging';
import { Failure, QToken } from './token';

/** One operation of a batch; see `submit`. */
export type Submission =
  | { readonly op: 'push'; readonly qd: number; readonly data: SgArray | Uint8Array | string }
  | { readonly op: 'pop'; readonly qd: number; readonly size?: number }
  | { readonly op: 'accept'; readonly qd: number };

/** The tokens of a batch, each of the type of its operation. */
export type TokensOf<S extends readonly Submission[]> = {
  -readonly [I in keyof S]: S[I] extends { op: 'push' }
    ? QToken<PushResult>
    : S[I] extends { op: 'pop' }
      ? QToken<PopResult>
      : S[I] extends { op: 'accept' }
        ? QToken<AcceptResult>
        : QToken;
};

/** The calls that a batch falls back to. @internal */
export interface SingleCalls {
  push(qd: number, data: SgArray | Uint8Array | string): QToken<PushResult>;
  pop(qd: number, size?: number): QToken<PopResult>;
  accept(qd: number): QToken<AcceptResult>;
}

const PUSH = 1;
const POP = 2;
const ACCEPT = 3;
// By comparisons: to look a name up that is another each time, V8 has no fast way.
const codeOf = (op: Submission['op']): number => (op === 'push' ? PUSH : op === 'pop' ? POP : ACCEPT);
// What write() returns for an operation that needs a call of its own.
const ALONE = -1;

/** The operations of a batch from `first` on whose entries are written and not submitted. */
interface Written {
  first: number;
  count: number;
  /** Bytes of payloads in the staging room. */
  staged: number;
  /** SgArrays that they push. */
  claimed: number;
}

/**
 * Writes the submission entry of an operation whose arguments are as they should be and small; everything else is for the single call,
 * which knows what to do. Returns the bytes that it has staged, or ALONE.
 */
function write(engine: Engine, one: Submission, written: Written): number {
  const { words } = engine;
  const { count, staged } = written;
  const { qd } = one;
  const slot = slotBits(qd);
  if (engine.descriptors[slot] !== qd || qd === 0 || !engine.admits(count)) return ALONE;
  const entry = Area.Submissions + count * Area.EntryWords;
  words[entry + Entry.QueueSlot] = slot;
  words[entry + Entry.Argument] = 0;
  if (one.op === 'pop') {
    words[entry] = POP;
    return one.size === undefined ? 0 : ALONE;
  }
  if (one.op === 'accept') {
    words[entry] = ACCEPT;
    return 0;
  }
  const { data } = one;
  if (data instanceof Uint8Array || typeof data === 'string') {
    if (data.length === 0) return ALONE;
    const length = stageBytes(engine, data, staged);
    words[entry] = PUSH | Flag.Staged;
    words[entry + Entry.Argument] = length;
    words[entry + Entry.Offset] = words[Header.StageOffset] + staged;
    return length;
  }
  // One that was moved already, perhaps by this very batch; a checked one, whose bytes must be written back.
  if (!(data instanceof SgArray) || data.engine !== engine || engine.checks || !data.claim()) return ALONE;
  words[entry] = PUSH | Flag.Sga;
  words[entry + Entry.Sga] = data.id;
  ++written.claimed;
  return 0;
}

function flush(engine: Engine, batch: readonly Submission[], written: Written, tokens: QToken[]): void {
  const { first, count, claimed } = written;
  written.first = written.count = written.staged = written.claimed = 0;
  if (count === 0) return;
  const { words } = engine;
  engine.submitEntries(count);
  // Before any token is made: making one may take completions, and those may be of later entries.
  for (let i = 0; claimed > 0 && i < count; ++i) {
    const one = batch[first + i];
    if (one.op !== 'push' || !(one.data instanceof SgArray)) continue;
    if (words[Area.Submissions + i * Area.EntryWords] < Status.Refused) one.data.unclaim();
    else one.data.moved();
  }
  for (let i = 0; i < count; ++i) {
    const one = batch[first + i];
    tokens.push(engine.begunInBatch(codeOf(one.op), one.qd, Area.Submissions + i * Area.EntryWords));
  }
  engine.batchBegun();
}

/** Makes the single call; what it would throw comes through the token. */
function single(calls: SingleCalls, engine: Engine, one: Submission): QToken {
  try {
    if (one.op === 'push') return calls.push(one.qd, one.data) as unknown as QToken;
    if (one.op === 'accept') return calls.accept(one.qd) as unknown as QToken;
    return (one.size === undefined ? calls.pop(one.qd) : calls.pop(one.qd, one.size)) as unknown as QToken;
  } catch (error) {
    const errno = error instanceof DemiError ? -error.errno : 0;
    return engine.failed(codeOf(one.op), one.qd, new Failure(errno, undefined, undefined, error as DemiError, undefined));
  }
}

// Everything that would be a TypeError is found before anything is started: the tokens of what is started must reach the caller.
function requireSubmission(value: unknown, i: number): void {
  const { op, qd, size, data } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  if (op !== 'push' && op !== 'pop' && op !== 'accept') {
    throw invalidType(`batch[${i}]`, value, `{ op: 'push', qd, data }, { op: 'pop', qd, size? } or { op: 'accept', qd }, not ${describe(op)}`, 'submit');
  }
  if (typeof qd !== 'number') throw invalidType(`batch[${i}].qd`, qd, 'a queue descriptor (a number)', 'submit');
  if (op === 'pop' && size !== undefined && typeof size !== 'number') throw invalidType(`batch[${i}].size`, size, 'a number of bytes', 'submit');
  if (op === 'push' && typeof data !== 'string' && !(data instanceof Uint8Array) && !(data instanceof SgArray) && !types.isUint8Array(data)) {
    throw invalidType(`batch[${i}].data`, data, 'an SgArray, a Uint8Array or a string', 'submit');
  }
}

/** @internal */
export function submitBatch(calls: SingleCalls, engine: Engine, batch: unknown): QToken<Success>[] {
  if (!Array.isArray(batch)) throw invalidType('batch', batch, 'an array of operations', 'submit');
  for (let i = 0; i < batch.length; ++i) requireSubmission(batch[i], i);
  const submissions = batch as readonly Submission[];
  const tokens: QToken[] = [];
  const written: Written = { first: 0, count: 0, staged: 0, claimed: 0 };
  for (let i = 0; i < submissions.length; ++i) {
    const staged = write(engine, submissions[i], written);
    if (staged === ALONE) {
      flush(engine, submissions, written, tokens);
      tokens.push(single(calls, engine, submissions[i]));
      continue;
    }
    if (written.count++ === 0) written.first = i;
    written.staged += staged;
    if (written.count === Area.SubmissionEntries) flush(engine, submissions, written, tokens);
  }
  flush(engine, submissions, written, tokens);
  return tokens;
}
