// Checks values of a configuration and makes the errors that say what is wrong with one: the key, the value, and what would be valid.

import { describe, invalidType } from './arguments';
import { DemiError } from './errors';

const SYSCALL = 'createLibOS';

/** How many letters have to be changed, added or left out to make one word of another. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      next[j] = Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (from[i - 1] === to[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[to.length];
}

function nearest(word: string, words: readonly string[]): string | undefined {
  const ranked = words
    .map((known) => ({ known, distance: editDistance(word.toLowerCase(), known.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  return ranked.length > 0 && ranked[0].distance <= Math.max(2, word.length / 3) ? ranked[0].known : undefined;
}

/** 'a', 'b', for messages. @internal */
export function quoted(words: readonly string[]): string {
  return words.map((word) => `'${word}'`).join(', ');
}

/** Knows where the configuration came from: what is wrong in a file is no wrong argument of a call. @internal */
export class ValueChecker {
  constructor(
    readonly source: string,
    readonly fromCode: boolean,
  ) {}

  invalid(detail: string): DemiError {
    return new DemiError('EINVAL', SYSCALL, { detail: `${detail} (${this.source})` });
  }

  wrongType(key: string, value: unknown, valid: string): Error {
    if (this.fromCode) return invalidType(key, value, `${valid} (${this.source})`, SYSCALL);
    return this.wrongValue(key, value, valid);
  }

  wrongValue(key: string, value: unknown, valid: string): DemiError {
    return this.invalid(`${key} must be ${valid}; it is ${describe(value)}`);
  }

  /** Checks that a value is an object, as a section has to be, and that it has no key but these. */
  section(name: string, value: unknown, keys: readonly string[]): Record<string, unknown> {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw this.wrongType(name, value, `an object with ${quoted(keys)}`);
    }
    for (const key of Object.keys(value)) if (!keys.includes(key)) throw this.unknownKey(name, key, keys);
    return value as Record<string, unknown>;
  }

  unknownKey(section: string, key: string, keys: readonly string[]): DemiError {
    const prefix = section === 'configuration' ? '' : `${section}.`;
    const guess = nearest(key, keys);
    const hint = guess === undefined ? `valid keys are ${quoted(keys)}` : `did you mean '${prefix}${guess}'?`;
    return this.invalid(`'${prefix}${key}' is not a key of the configuration; ${hint}`);
  }

  integer(key: string, value: unknown, min: number, max: number): number {
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
    const valid = `an integer from ${min} to ${max}`;
    throw typeof value === 'number' ? this.wrongValue(key, value, valid) : this.wrongType(key, value, valid);
  }

  oneOf<T extends string>(key: string, value: unknown, valid: readonly T[]): T {
    const found = valid.find((one) => one === value);
    if (found !== undefined) return found;
    const list = `one of ${quoted(valid)}`;
    throw typeof value === 'string' ? this.wrongValue(key, value, list) : this.wrongType(key, value, list);
  }

  number(key: string, value: unknown, min: number, max: number): number {
    if (typeof value === 'number' && value >= min && value <= max) return value;
    const valid = `a number from ${min} to ${max}`;
    throw typeof value === 'number' ? this.wrongValue(key, value, valid) : this.wrongType(key, value, valid);
  }

  boolean(key: string, value: unknown): boolean {
    if (typeof value === 'boolean') return value;
    throw this.wrongType(key, value, 'true or false');
  }

  text(key: string, value: unknown, valid: string): string {
    if (typeof value === 'string') return value;
    throw this.wrongType(key, value, valid);
  }
}
