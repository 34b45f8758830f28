import {
  describe as describeValue,
  requireBoolean,
  requireDeadline,
  requireInteger,
  requireOneOf,
  requireOptions,
  requireQd,
  requireSignal,
  requireString,
  requireTimeout,
} from '../../../lib/core/arguments';
import { DemiError } from '../../../lib/core/errors';

/** What a call throws, as the pieces that callers see. */
function thrown(call: () => unknown): { kind: string; code: unknown; message: string } {
  try {
    call();
  } catch (error) {
    const { code, message } = error as DemiError;
    return { kind: error instanceof DemiError ? 'DemiError' : error instanceof TypeError ? 'TypeError' : 'other', code, message };
  }
  return { kind: 'nothing', code: undefined, message: '' };
}

const isInvalid = { kind: 'DemiError', code: 'EINVAL' };
const isWrongType = { kind: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' };

describe('describing values', () => {
  class Thing {}
  test.each([
    ['a', "'a'"],
    ['line\nbreak "quoted"', `'line\\nbreak "quoted"'`],
    ['x'.repeat(100), `'${'x'.repeat(59)}...'`],
    [5, '5'], [-0, '-0'], [NaN, 'NaN'], [Infinity, 'Infinity'], [5n, '5n'],
    [true, 'true'], [undefined, 'undefined'], [null, 'null'],
    [Symbol('secret'), 'a symbol'],
    [function named() {}, 'function named'], [(() => () => {})(), 'a function'],
    [{}, 'an object'], [Object.create(null), 'an object'], [[1, 2], 'an array of 2'],
    [new Thing(), 'an instance of Thing'], [new Uint8Array(2), 'an instance of Uint8Array'],
  ])('%p is described', (value, expected) => {
    expect(describeValue(value)).toBe(expected);
  });
});

describe('integers', () => {
  test.each([0, 1, 65535])('%p is within 0 to 65535', (value) => {
    expect(requireInteger('backlog', value, 0, 65535, 'listen')).toBe(value);
  });
  test.each([-1, 65536, 0.5, NaN, Infinity, -Infinity])('%p is a wrong value', (value) => {
    expect(thrown(() => requireInteger('backlog', value, 0, 65535, 'listen'))).toMatchObject(isInvalid);
  });
  test.each([undefined, null, '5', 5n, true, {}, [5], Symbol('5')])('%p is a wrong type', (value) => {
    expect(thrown(() => requireInteger('backlog', value, 0, 65535, 'listen'))).toMatchObject(isWrongType);
  });
  test('the message names call, argument, value and what is valid', () => {
    expect(thrown(() => requireInteger('backlog', -1, 0, 65535, 'listen')).message).toBe(
      'EINVAL: invalid argument, listen: backlog must be an integer from 0 to 65535; it is -1',
    );
    expect(thrown(() => requireInteger('backlog', '5', 0, 65535, 'listen')).message).toBe(
      "listen: backlog must be an integer from 0 to 65535; it is '5'",
    );
  });
});

describe('one of a few', () => {
  const how = { SHUT_RD: 0, SHUT_WR: 1, SHUT_RDWR: 2 };
  const words = { adaptive: 'adaptive', busy: 'busy' };
  test('valid ones pass', () => {
    expect(requireOneOf('how', 1, how, 'shutdown')).toBe(1);
    expect(requireOneOf('poll', 'busy', words, 'createLibOS')).toBe('busy');
  });
  test('others are listed with their names', () => {
    expect(thrown(() => requireOneOf('how', 3, how, 'shutdown'))).toEqual({
      ...isInvalid,
      message: 'EINVAL: invalid argument, shutdown: how must be SHUT_RD (0), SHUT_WR (1) or SHUT_RDWR (2); it is 3',
    });
    expect(thrown(() => requireOneOf('poll', 'bsy', words, 'createLibOS')).message).toContain("must be 'adaptive' or 'busy'; it is 'bsy'");
    expect(thrown(() => requireOneOf('how', NaN, how, 'shutdown'))).toMatchObject(isInvalid);
  });
  test.each(['1', undefined, null, 1n, {}])('%p is a wrong type', (value) => {
    expect(thrown(() => requireOneOf('how', value, how, 'shutdown'))).toMatchObject(isWrongType);
  });
});

describe('strings and booleans', () => {
  test('are what they are', () => {
    expect(requireString('name', '', 'createPipe')).toBe('');
    expect(requireBoolean('value', false, 'setsockopt')).toBe(false);
  });
  test.each([undefined, null, 0, new String('a'), {}])('%p is neither', (value) => {
    expect(thrown(() => requireString('name', value, 'createPipe'))).toMatchObject(isWrongType);
    expect(thrown(() => requireBoolean('value', value, 'setsockopt'))).toMatchObject(isWrongType);
  });
});

describe('time-outs and deadlines', () => {
  test.each([0, 0.25, 1e12, undefined])('a time-out of %p is valid', (value) => {
    expect(requireTimeout('timeoutMs', value, 'wait')).toBe(value);
  });
  test.each([-1, -0.001, NaN, Infinity])('a time-out of %p is a wrong value', (value) => {
    expect(thrown(() => requireTimeout('timeoutMs', value, 'wait'))).toMatchObject(isInvalid);
  });
  test.each([null, '5', 5n, {}])('a time-out of %p is a wrong type', (value) => {
    expect(thrown(() => requireTimeout('timeoutMs', value, 'wait'))).toMatchObject(isWrongType);
  });
  test.each([-5, 0, 12.5, undefined])('a deadline of %p is valid', (value) => {
    expect(requireDeadline('deadline', value, 'pop')).toBe(value);
  });
  test.each([NaN, Infinity, -Infinity])('a deadline of %p is a wrong value', (value) => {
    expect(thrown(() => requireDeadline('deadline', value, 'pop'))).toMatchObject(isInvalid);
  });
  test.each([null, new Date(0), '1'])('a deadline of %p is a wrong type', (value) => {
    expect(thrown(() => requireDeadline('deadline', value, 'pop'))).toMatchObject(isWrongType);
  });
});

describe('signals and options', () => {
  test('a signal passes, aborted or not, and so does none', () => {
    const signal = AbortSignal.abort();
    expect(requireSignal('signal', signal, 'pop')).toBe(signal);
    expect(requireSignal('signal', new AbortController().signal, 'pop')).toBeInstanceOf(AbortSignal);
    expect(requireSignal('signal', undefined, 'pop')).toBeUndefined();
  });
  test.each([null, {}, new AbortController(), true, 'abort', new EventTarget()])('%p is no signal', (value) => {
    expect(thrown(() => requireSignal('signal', value, 'pop'))).toMatchObject(isWrongType);
  });
  test('an object is options, and so is nothing', () => {
    const options = { timeout: 1 };
    expect(requireOptions('options', options, 'pop')).toBe(options);
    expect(requireOptions('options', undefined, 'pop')).toBeUndefined();
  });
  test.each([null, 5, 'x', [], () => {}])('%p is no options', (value) => {
    expect(thrown(() => requireOptions('options', value, 'pop'))).toMatchObject(isWrongType);
  });
});

describe('queue descriptors', () => {
  test.each([0, 5, Number.MAX_SAFE_INTEGER])('%p may be one', (value) => {
    expect(requireQd('qd', value, 'pop')).toBe(value);
  });
  test.each([-1, 1.5, NaN, Infinity, Number.MAX_SAFE_INTEGER + 1])('%p can be none', (value) => {
    expect(thrown(() => requireQd('qd', value, 'pop'))).toMatchObject({ kind: 'DemiError', code: 'EBADF' });
  });
  test.each([undefined, null, '5', 5n, {}])('%p is a wrong type', (value) => {
    expect(thrown(() => requireQd('qd', value, 'pop'))).toMatchObject(isWrongType);
  });
});
