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
  pop(qd: number, size: number): QToken<PopResult>;
  accept(qd: number): QToken<AcceptResult>;
}

const CODES = { push: 1, pop: 2, accept: 3 } as const;

/** @internal */
export class Batch {
  readonly tokens: QToken[] = [];
  private readonly codes: number[] = [];
  private readonly qds: number[] = [];
  private readonly moved: (SgArray | undefined)[] = [];
  private staged = 0;

  constructor(
    private readonly calls: SingleCalls,
    private readonly engine: Engine,
  ) {}

  add(one: Submission): void {
    const code = CODES[one.op];
    const slot = slotBits(one.qd);
    const open = this.engine.descriptors[slot] === one.qd && one.qd !== 0;
    // What is in the batch has no token yet: whether it will be pending only submitting it says.
    if (this.engine.live + this.codes.length >= this.engine.tokensLimit) this.flush();
    if (!open || !this.write(code, slot, one)) this.single(one);
    else if (this.codes.length === Area.SubmissionEntries) this.flush();
  }

  /** Writes a submission entry; false if the operation needs a call of its own. */
  private write(code: number, slot: number, one: Submission): boolean {
    const { words } = this.engine;
    const entry = Area.Submissions + this.codes.length * Area.EntryWords;
    let sga: SgArray | undefined;
    let word = code as number;
    if (one.op === 'push') {
      const { data } = one;
      if (data instanceof SgArray) {
        // A checked SgArray, a moved one, another libOS's, one that is twice in the batch: the single call knows what to do.
        if (this.engine.checks || data.engine !== this.engine || this.moved.includes(data)) return false;
        data.requireLive('push');
        sga = data;
        word |= Flag.Sga;
        words[entry + Entry.Sga] = data.id;
      } else {
        const length = stageBytes(this.engine, data, this.staged);
        if (length < 0) return false;
        word |= Flag.Staged;
        words[entry + Entry.Argument] = length;
        words[entry + Entry.Offset] = words[Header.StageOffset] + this.staged;
        this.staged += length;
      }
    } else {
      if (one.op === 'pop' && one.size !== undefined) return false;
      words[entry + Entry.Argument] = 0;
    }
    this.engine.requireToken(one.op, one.qd);
    words[entry] = word;
    words[entry + Entry.QueueSlot] = slot;
    this.codes.push(code);
    this.qds.push(one.qd);
    this.moved.push(sga);
    return true;
  }

  /** Makes the single call, after everything that came before it. */
  private single(one: Submission): void {
    this.flush();
    const { calls } = this;
    const token =
      one.op === 'push'
        ? calls.push(one.qd, one.data)
        : one.op === 'accept'
          ? calls.accept(one.qd)
          : calls.pop(one.qd, one.size as number);
    this.tokens.push(token as unknown as QToken);
  }

  /** Puts a refusal in the place of a token. */
  refuse(one: Submission, error: unknown): void {
    if (!(error instanceof DemiError)) throw error;
    this.flush();
    const failure = new Failure(-error.errno, undefined, undefined, error, undefined);
    this.tokens.push(this.engine.failed(CODES[one.op], one.qd, failure));
  }

  flush(): void {
    const { engine, codes, qds, moved, tokens } = this;
    const count = codes.length;
    if (count === 0) return;
    const { words } = engine;
    words[Header.SubmitCount] = count;
    engine.native.submit();
    // Before any token is made: making one may take completions, and those may be of later entries.
    for (let i = 0; i < count; ++i) {
      const entry = Area.Submissions + i * Area.EntryWords;
      if (words[entry] > Status.Refused) moved[i]?.moved();
    }
    engine.expect(codes, qds, tokens);
    codes.length = qds.length = moved.length = 0;
    this.staged = 0;
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
  if (op === 'push' && typeof data !== 'string' && !(data instanceof SgArray) && !types.isUint8Array(data)) {
    throw invalidType(`batch[${i}].data`, data, 'an SgArray, a Uint8Array or a string', 'submit');
  }
}

/** @internal */
export function submitBatch(batch: Batch, submissions: unknown): QToken<Success>[] {
  if (!Array.isArray(submissions)) throw invalidType('batch', submissions, 'an array of operations', 'submit');
  for (let i = 0; i < submissions.length; ++i) requireSubmission(submissions[i], i);
  for (let i = 0; i < submissions.length; ++i) {
    const one = submissions[i] as Submission;
    try {
      batch.add(one);
    } catch (error) {
      batch.refuse(one, error);
    }
  }
  batch.flush();
  return batch.tokens;
}
