import { checkDpdk } from '../../../lib/core/dpdk-config';
import { DemiError } from '../../../lib/core/errors';
import { ValueChecker } from '../../../lib/core/value-checker';

const check = (dpdk: unknown) => checkDpdk(new ValueChecker('a test', true), dpdk);

function errorOf(run: () => unknown): Error {
  try {
    run();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}

test('has defaults', () => {
  expect(check(undefined)).toEqual({ eal: [], port: '0', queues: 1, queue: 0, mbufs: 4096 });
});

test('takes what is given', () => {
  const dpdk = { eal: ['--no-huge', '-m', '64'], port: 'net_memif0', queues: 4, queue: 3, mbufs: 1024 };
  expect(check(dpdk)).toEqual(dpdk);
  expect(check({ port: 7 }).port).toBe('7');
  expect(check({ port: 'ring:x/0' }).port).toBe('ring:x/0');
});

test.each([
  [{ queues: 0 }, 'dpdk.queues'],
  [{ queues: 65 }, 'dpdk.queues'],
  [{ queues: 2, queue: 2 }, 'dpdk.queue'],
  [{ queue: 1 }, 'dpdk.queue'],
  [{ port: 32 }, 'dpdk.port'],
  [{ port: '' }, 'dpdk.port'],
  [{ port: 'x'.repeat(64) }, 'dpdk.port'],
  [{ mbufs: 255 }, 'dpdk.mbufs'],
  [{ eall: [] }, "did you mean 'dpdk.eal'?"],
])('%j is not valid', (dpdk, named) => {
  const error = errorOf(() => check(dpdk));
  expect(error).toBeInstanceOf(DemiError);
  expect(error.message).toContain(named);
});

test.each([[{ eal: '--no-huge' }], [{ eal: [1] }], [{ port: {} }], [{ mbufs: '1' }], ['x']])('%j is of the wrong type', (dpdk) => {
  expect(errorOf(() => check(dpdk))).toBeInstanceOf(TypeError);
});
