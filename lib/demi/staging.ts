// Staging: small payloads are written into the slab by JavaScript itself, which for 64 bytes costs a third of handing them over.

import { types } from 'node:util';

import { invalidType, invalidValue } from '../core/arguments';
import { Header } from '../native/layout';
import type { Engine } from './engine';

// Up to here copying in JavaScript is cheaper than telling native code where the bytes are.
const STAGED_BYTES_MAX = 2048;
// Below this a loop beats TypedArray.prototype.set, which has a fixed cost.
const LOOP_BYTES_MAX = 16;

// V8 finds a method that is looked up on a typed array only by a call of its own.
const { set } = Uint8Array.prototype;

/**
 * Writes a payload into the staging room, `ahead` bytes behind what is staged already.
 *
 * @returns its length; -1 if it is too large for staging or there is no memory: then native code has to copy it.
 * @throws TypeError if it is neither bytes nor a string; DemiError `EINVAL` if it is a detached view.
 * @internal
 */
export function stageBytes(engine: Engine, data: unknown, ahead: number): number {
  if (data instanceof Uint8Array) {
    const { words, staging } = engine;
    const { length } = data;
    const at = words[Header.StageOffset] + ahead;
    if (length > LOOP_BYTES_MAX && length <= STAGED_BYTES_MAX && at + length <= words[Header.StageEnd] && staging.length > 0) {
      set.call(staging, data, at);
      return length;
    }
  }
  return stageOther(engine, data, ahead);
}

// What is not simply bytes for which there is room.
function stageOther(engine: Engine, data: unknown, ahead: number): number {
  const bytes = typeof data === 'string' ? Buffer.from(data, 'utf8') : (data as Uint8Array);
  if (!(bytes instanceof Uint8Array) && !types.isUint8Array(bytes)) throw invalidType('data', data, 'an SgArray, a Uint8Array or a string', 'push');
  const { length } = bytes;
  if (length > STAGED_BYTES_MAX) return -1;
  if (length === 0) requireAttached(bytes);
  const { words } = engine;
  let renewed = false;
  if (words[Header.StageOffset] + ahead + length > words[Header.StageEnd] || words[Header.StageEnd] === 0) {
    // A new room must not take the place of what is staged and not submitted.
    if (ahead > 0 || !engine.native.stage()) return -1;
    renewed = true;
  }
  // It is empty when somebody has transferred its window away.
  if (renewed || engine.staging.length === 0) engine.staging = new Uint8Array(engine.window(words[Header.StageWindow]));
  const to = engine.staging;
  const at = words[Header.StageOffset] + ahead;
  if (length > LOOP_BYTES_MAX) to.set(bytes, at);
  else for (let i = 0; i < length; ++i) to[at + i] = bytes[i];
  return length;
}

function requireAttached(bytes: Uint8Array): void {
  if (bytes.buffer.byteLength > 0) return;
  try {
    new Uint8Array(bytes.buffer);
  } catch {
    throw invalidValue('data', bytes, 'bytes whose ArrayBuffer is not detached', 'push');
  }
}
