import { DemiError } from '../../../lib/core/errors';
import { ValueChecker, quoted } from '../../../lib/core/value-checker';

const ofCode = new ValueChecker('createLibOS(config)', true);
const ofFile = new ValueChecker('file x.json', false);

function errorOf(call: () => unknown): Error {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}

test('values that are valid come back', () => {
  expect(ofCode.integer('a', 5, 1, 5)).toBe(5);
  expect(ofCode.number('a', 0.5, 0.5, 1)).toBe(0.5);
  expect(ofCode.boolean('a', false)).toBe(false);
  expect(ofCode.text('a', '', 'a text')).toBe('');
  expect(ofCode.oneOf('a', 'x', ['x', 'y'])).toBe('x');
  expect(ofCode.section('a', { b: 1 }, ['b', 'c'])).toEqual({ b: 1 });
});

test.each([
  [() => ofCode.integer('a', 6, 1, 5), 'a must be an integer from 1 to 5; it is 6 (createLibOS(config))'],
  [() => ofCode.integer('a', 1.5, 1, 5), 'a must be an integer from 1 to 5; it is 1.5'],
  [() => ofCode.number('a', NaN, 1, 5), 'a must be a number from 1 to 5; it is NaN'],
  [() => ofCode.oneOf('a', 'z', ['x', 'y']), "a must be one of 'x', 'y'; it is 'z'"],
  [() => ofCode.section('a', { colour: 1 }, ['color']), "'a.colour' is not a key of the configuration; did you mean 'a.color'?"],
  [() => ofCode.section('a', { zzzz: 1 }, ['color']), "valid keys are 'color'"],
])('what is not valid is EINVAL, and says what would be', (call, message) => {
  const error = errorOf(call);
  expect(error).toBeInstanceOf(DemiError);
  expect(error).toMatchObject({ code: 'EINVAL' });
  expect(error.message).toContain(message);
});

test.each([
  (checker: ValueChecker) => checker.integer('a', '5', 1, 5),
  (checker: ValueChecker) => checker.number('a', null, 1, 5),
  (checker: ValueChecker) => checker.boolean('a', 0),
  (checker: ValueChecker) => checker.text('a', 5, 'a text'),
  (checker: ValueChecker) => checker.oneOf('a', 5, ['x']),
  (checker: ValueChecker) => checker.section('a', [], ['x']),
])('the wrong type is a TypeError of a call, and EINVAL of a file', (call) => {
  expect(errorOf(() => call(ofCode))).toBeInstanceOf(TypeError);
  const error = errorOf(() => call(ofFile));
  expect(error).toMatchObject({ code: 'EINVAL' });
  expect(error.message).toContain('(file x.json)');
});

test('lists', () => {
  expect(quoted([])).toBe('');
  expect(quoted(['a', 'b'])).toBe("'a', 'b'");
});
