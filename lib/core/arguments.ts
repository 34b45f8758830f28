// Checks of the arguments of calls: a wrong JavaScript type is a TypeError, a wrong value is a DemiError with EINVAL, and either names
// the argument, what was given and what would be valid.

import { DemiError } from './errors';

const LONGEST_DESCRIPTION = 60;

/** Describes a value for an error message: short, on one line, and telling types apart that print alike. */
export function describe(value: unknown): string {
  switch (typeof value) {
    case 'string': {
      const text = JSON.stringify(value);
      return `'${(text.length > LONGEST_DESCRIPTION ? `${text.slice(1, LONGEST_DESCRIPTION)}...` : text.slice(1, -1)).replaceAll('\\"', '"')}'`;
    }
    case 'bigint':
      return `${value}n`;
    case 'symbol':
      return 'a symbol';
    case 'function':
      return value.name ? `function ${value.name}` : 'a function';
    case 'object': {
      if (value === null) return 'null';
      if (Array.isArray(value)) return `an array of ${value.length}`;
      const name: unknown = Object.getPrototypeOf(value)?.constructor?.name;
      return typeof name === 'string' && name !== 'Object' && name !== '' ? `an instance of ${name}` : 'an object';
    }
    default:
      return Object.is(value, -0) ? '-0' : String(value);
  }
}

/** The error for an argument of a wrong JavaScript type; it carries Node's code `ERR_INVALID_ARG_TYPE`. */
export function invalidType(name: string, value: unknown, valid: string, syscall: string): TypeError {
  const error = new TypeError(`${syscall}: ${name} must be ${valid}; it is ${describe(value)}`);
  return Object.assign(error, { code: 'ERR_INVALID_ARG_TYPE' as const });
}

/** The error for an argument of the right type with a wrong value: a {@link DemiError} with `EINVAL`. */
export function invalidValue(name: string, value: unknown, valid: string, syscall: string): DemiError {
  return new DemiError('EINVAL', syscall, { detail: `${name} must be ${valid}; it is ${describe(value)}` });
}

/**
 * Checks an integer within bounds, both included.
 *
 * @throws TypeError if it is not a number.
 * @throws {@link DemiError} `EINVAL` if it is not an integer or out of bounds.
 */
export function requireInteger(name: string, value: unknown, min: number, max: number, syscall: string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
  const valid = `an integer from ${min} to ${max}`;
  throw typeof value === 'number' ? invalidValue(name, value, valid, syscall) : invalidType(name, value, valid, syscall);
}

/**
 * Checks that a value is one of a few.
 *
 * @param valid - the valid values with the names they have for a caller, such as `{ SHUT_RD: 0, SHUT_WR: 1, SHUT_RDWR: 2 }`.
 * @throws TypeError if it has another type than they have.
 * @throws {@link DemiError} `EINVAL` if it is none of them.
 */
export function requireOneOf<T extends string | number>(
  name: string,
  value: unknown,
  valid: Readonly<Record<string, T>>,
  syscall: string,
): T {
  const values = Object.values(valid);
  for (const one of values) if (value === one) return one;
  const choices = Object.entries(valid).map(([key, one]) => (typeof one === 'number' ? `${key} (${one})` : describe(one)));
  const list = choices.length > 1 ? `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}` : choices.join('');
  throw values.some((one) => typeof one === typeof value)
    ? invalidValue(name, value, list, syscall)
    : invalidType(name, value, list, syscall);
}

/**
 * Checks a string.
 *
 * @throws TypeError if it is none.
 */
export function requireString(name: string, value: unknown, syscall: string): string {
  if (typeof value === 'string') return value;
  throw invalidType(name, value, 'a string', syscall);
}

/**
 * Checks a boolean.
 *
 * @throws TypeError if it is none.
 */
export function requireBoolean(name: string, value: unknown, syscall: string): boolean {
  if (typeof value === 'boolean') return value;
  throw invalidType(name, value, 'true or false', syscall);
}

/**
 * Checks a time-out in milliseconds: 0 or more, fractions allowed, finite. Left out (`undefined`) means none.
 *
 * @throws TypeError if it is not a number.
 * @throws {@link DemiError} `EINVAL` if it is negative, NaN or infinite.
 */
export function requireTimeout(name: string, value: unknown, syscall: string): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'number' && value >= 0 && value < Infinity) return value;
  const valid = 'a number of milliseconds, 0 or more and finite, or left out for no limit';
  throw typeof value === 'number' ? invalidValue(name, value, valid, syscall) : invalidType(name, value, valid, syscall);
}

/**
 * Checks a deadline, a time in milliseconds on the clock of the libOS: any finite number, and one that has passed is valid. Left out
 * (`undefined`) means none.
 *
 * @throws TypeError if it is not a number.
 * @throws {@link DemiError} `EINVAL` if it is NaN or infinite.
 */
export function requireDeadline(name: string, value: unknown, syscall: string): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  const valid = 'a finite time in milliseconds on the clock of the libOS, or left out for none';
  throw typeof value === 'number' ? invalidValue(name, value, valid, syscall) : invalidType(name, value, valid, syscall);
}

/**
 * Checks an AbortSignal. Left out (`undefined`) means none. A signal of another realm or library counts if it has the surface.
 *
 * @throws TypeError if it is none.
 */
export function requireSignal(name: string, value: unknown, syscall: string): AbortSignal | undefined {
  if (value === undefined) return undefined;
  if (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as AbortSignal).aborted === 'boolean' &&
    typeof (value as AbortSignal).addEventListener === 'function' &&
    typeof (value as AbortSignal).removeEventListener === 'function'
  ) {
    return value as AbortSignal;
  }
  throw invalidType(name, value, 'an AbortSignal', syscall);
}

/**
 * Checks an object of options. Left out (`undefined`) means no options.
 *
 * @throws TypeError if it is anything but an object: `null`, arrays and functions are none.
 */
export function requireOptions<T extends object>(name: string, value: unknown, syscall: string): Partial<T> | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw invalidType(name, value, 'an object of options', syscall);
}

/**
 * Checks a queue descriptor as far as JavaScript can: whether it is open is for its libOS to say.
 *
 * @throws TypeError if it is not a number.
 * @throws {@link DemiError} `EBADF` if no queue descriptor can be that number.
 */
export function requireQd(name: string, value: unknown, syscall: string): number {
  if (typeof value !== 'number') throw invalidType(name, value, 'a queue descriptor (a number)', syscall);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new DemiError('EBADF', syscall, { qd: value, detail: `${name} is not a queue descriptor` });
}
