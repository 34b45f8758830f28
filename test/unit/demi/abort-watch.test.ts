// One listener per signal, and none once nothing is left that it could end.

import { getEventListeners } from 'node:events';

import { AbortWatch } from '../../../lib/demi/abort-watch';
import type { QToken } from '../../../lib/demi/token';

const token = (): QToken => ({}) as QToken;
const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;

function setUp(): { watch: AbortWatch; signal: AbortSignal; abort(reason: unknown): void; ended: [QToken, unknown][] } {
  const ended: [QToken, unknown][] = [];
  const watch: AbortWatch = new AbortWatch(
    () => {},
    (cancelled) => ended.push([cancelled, watch.end(cancelled)?.reason]),
  );
  const controller = new AbortController();
  return { watch, signal: controller.signal, abort: (reason) => controller.abort(reason), ended };
}

test('a signal has one listener for all of its operations', () => {
  const { watch, signal } = setUp();
  const tokens = Array.from({ length: 100 }, token);
  for (const one of tokens) watch.add(one, signal);
  expect([watch.size, listeners(signal)]).toEqual([100, 1]);
  for (const one of tokens.slice(1)) expect(watch.end(one)).toBeUndefined();
  expect([watch.size, listeners(signal)]).toEqual([1, 1]);
  watch.end(tokens[0]);
  expect([watch.size, listeners(signal)]).toEqual([0, 0]);
});

test('a signal ends its own operations, with its reason, and no others', () => {
  const { watch, signal, abort, ended } = setUp();
  const [first, second, other] = [token(), token(), token()];
  watch.add(first, signal);
  watch.add(second, signal);
  watch.add(other, new AbortController().signal);
  abort('enough');
  expect(ended).toEqual([[first, 'enough'], [second, 'enough']]);
  expect([watch.size, listeners(signal)]).toEqual([1, 0]);
});

test('what had finished before the signal was aborted is not ended by it', () => {
  const finished = token();
  const cancelled: QToken[] = [];
  const reasons: unknown[] = [];
  const watch: AbortWatch = new AbortWatch(
    () => reasons.push(watch.end(finished)),
    (one) => cancelled.push(one),
  );
  const controller = new AbortController();
  watch.add(finished, controller.signal);
  controller.abort();
  expect(reasons).toEqual([undefined]);
  expect(cancelled).toEqual([]);
});

test('an operation that no signal watches has no reason', () => {
  expect(setUp().watch.end(token())).toBeUndefined();
});
