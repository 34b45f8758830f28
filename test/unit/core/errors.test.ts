import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';

import { DemiError, type ErrorCode, errnoName, errnoNumber, isErrorCode } from '../../../lib/core/errors';

const header = readFileSync(join(__dirname, '../../../addon/base/errno.h'), 'utf8');
const native = [...header.matchAll(/\bX\((E[A-Z0-9]+), *(\d+)\)/g)].map(([, name, number]) => ({ name, number: Number(number) }));

describe('the table of codes', () => {
  test('the native list was read', () => expect(native.length).toBeGreaterThan(30));

  test.each(native)('$name is $number, as in addon/base/errno.h', ({ name, number }) => {
    expect(isErrorCode(name)).toBe(true);
    expect(errnoNumber(name as ErrorCode)).toBe(number);
    expect(errnoNumber(errnoName(number))).toBe(number);
  });

  test('has no code that the native list lacks', () => {
    const known = new Set(native.map(({ name }) => name));
    const table = readFileSync(join(__dirname, '../../../lib/core/errors.ts'), 'utf8');
    const ours = [...table.matchAll(/^ {2}(E[A-Z0-9]+): \[/gm)].map(([, name]) => name);
    expect(ours.filter((name) => !known.has(name))).toEqual([]);
  });

  test('a number has one name in either sign; two codes with one number give the documented one', () => {
    expect(errnoName(111)).toBe('ECONNREFUSED');
    expect(errnoName(-111)).toBe('ECONNREFUSED');
    expect(errnoName(95)).toBe('ENOTSUP');
    expect(errnoName(0)).toBe('EUNKNOWN');
    expect(errnoName(4095)).toBe('EUNKNOWN');
  });

  test.each(['', 'econnrefused', 'toString', '__proto__', 'constructor', 5, undefined, null])('%p is not a code', (value) => {
    expect(isErrorCode(value)).toBe(false);
  });
});

describe('DemiError', () => {
  test('says code, plain words, call, address and descriptor', () => {
    const error = new DemiError('ECONNREFUSED', 'connect', { address: '10.0.0.1', port: 80, qd: 5 });
    expect(error.message).toBe('ECONNREFUSED: connection refused, connect 10.0.0.1:80 (qd 5)');
    expect(error).toMatchObject({ code: 'ECONNREFUSED', errno: -111, syscall: 'connect', address: '10.0.0.1', port: 80, qd: 5 });
    expect(error).toBeInstanceOf(DemiError);
    expect(error).toBeInstanceOf(Error);
  });

  test.each([
    [{}, 'EINVAL: invalid argument, bind'],
    [{ address: 'fd00::1', port: 80 }, 'EINVAL: invalid argument, bind [fd00::1]:80'],
    [{ address: 'fd00::1' }, 'EINVAL: invalid argument, bind fd00::1'],
    [{ address: '10.0.0.1', port: 0 }, 'EINVAL: invalid argument, bind 10.0.0.1:0'],
    [{ qd: 0 }, 'EINVAL: invalid argument, bind (qd 0)'],
    [{ detail: 'port must be more' }, 'EINVAL: invalid argument, bind: port must be more'],
    [{ qd: 7, detail: 'not bound' }, 'EINVAL: invalid argument, bind (qd 7): not bound'],
  ])('composes %p', (details, message) => {
    expect(new DemiError('EINVAL', 'bind', details).message).toBe(message);
  });

  test('has only the properties that are known', () => {
    expect(Object.keys(new DemiError('EBADF', 'pop'))).toEqual(['code', 'errno', 'syscall']);
    expect(Object.keys(new DemiError('EPIPE', 'push', { bytesAccepted: 0, qd: 1 }))).toEqual([
      'code', 'errno', 'syscall', 'qd', 'bytesAccepted',
    ]);
  });

  test('carries a cause, also one that is undefined, and no cause if there is none', () => {
    const reason = new Error('stop');
    expect(new DemiError('ECANCELED', 'pop', { cause: reason }).cause).toBe(reason);
    expect('cause' in new DemiError('ECANCELED', 'pop', { cause: undefined })).toBe(true);
    expect('cause' in new DemiError('ECANCELED', 'pop')).toBe(false);
  });

  test('is named DemiError in print and stack, without a property of its own for it', () => {
    const error = new DemiError('EBADF', 'pop');
    expect(error.name).toBe('DemiError');
    expect(String(error)).toBe('DemiError: EBADF: not an open queue descriptor, pop');
    expect(error.stack).toMatch(/^DemiError: EBADF|^Error: EBADF/);
    expect(inspect(error)).toContain('DemiError');
    expect(Object.hasOwn(error, 'name')).toBe(false);
  });

  test('comes from a native number in either sign', () => {
    expect(DemiError.fromErrno(110, 'connect').code).toBe('ETIMEDOUT');
    expect(DemiError.fromErrno(-110, 'connect', { qd: 3 })).toMatchObject({ code: 'ETIMEDOUT', errno: -110, qd: 3 });
  });

  test('keeps an unknown number in the message', () => {
    const error = DemiError.fromErrno(-777, 'connect', { detail: 'odd' });
    expect(error.code).toBe('EUNKNOWN');
    expect(error.message).toBe('EUNKNOWN: unknown error, connect: error number 777, odd');
    expect(DemiError.fromErrno(777, 'connect').message).toBe('EUNKNOWN: unknown error, connect: error number 777');
  });
});
