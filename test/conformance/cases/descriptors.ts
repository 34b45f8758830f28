// Queue descriptors: what is no open one of this libOS is EBADF, at every call.

import { once } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

import { SHUT_WR, SO_TYPE, SOL_SOCKET, type LibOS } from '../../../lib';
import { refuses, type Context } from '../context';

export function descriptorCases(context: Context): void {
  const calls: Record<string, (os: LibOS, qd: number) => unknown> = {
    bind: (os, qd) => os.bind(qd, context.at(0)),
    listen: (os, qd) => os.listen(qd, 1),
    setsockopt: (os, qd) => os.setsockopt(qd, SOL_SOCKET, SO_TYPE, 1),
    getsockopt: (os, qd) => os.getsockopt(qd, SOL_SOCKET, SO_TYPE),
    getsockname: (os, qd) => os.getsockname(qd),
    getpeername: (os, qd) => os.getpeername(qd),
    accept: (os, qd) => os.accept(qd),
    connect: (os, qd) => os.connect(qd, context.at(9)),
    push: (os, qd) => os.push(qd, 'x'),
    pushto: (os, qd) => os.pushto(qd, 'x', context.at(9)),
    pop: (os, qd) => os.pop(qd),
    shutdown: (os, qd) => os.shutdown(qd, SHUT_WR),
    close: (os, qd) => os.close(qd),
  };

  test.each(Object.keys(calls))('%s refuses what is not open', async (name) => {
    const { os } = context;
    const call = calls[name];
    const closed = context.queue();
    await os.close(closed);
    for (const qd of [0, -0, -1, 1.5, NaN, Infinity, 2 ** 60, 1, closed + 0.5]) refuses(() => call(os, qd), 'EBADF', name, String(qd));
    refuses(() => call(os, closed), 'EBADF', name, String(closed), 'closed');
    for (const qd of ['x', null, {}, undefined, 1n]) refuses(() => call(os, qd as number), 'TypeError', 'qd');
  });

  test('a closed descriptor is never reused', async () => {
    const { os } = context;
    const seen = new Set<number>();
    for (let i = 0; i < 500; ++i) {
      const qd = os.queue();
      expect(Number.isSafeInteger(qd)).toBe(true);
      expect(seen.has(qd)).toBe(false);
      seen.add(qd);
      await os.close(qd);
    }
    for (const qd of seen) refuses(() => os.push(qd, 'x'), 'EBADF');
  });

  test('a descriptor of another libOS', async () => {
    const { os } = context;
    const other = context.create();
    const mine = context.queue();
    const theirs = other.queue();
    expect(mine).not.toBe(theirs);
    for (const call of Object.values(calls)) refuses(() => call(os, theirs), 'EBADF', 'another libOS');
    const stopped = other.stop();
    await stopped;
    refuses(() => other.queue(), 'EINVAL', 'stopped');
    refuses(() => other.pop(theirs), 'EBADF');
    await other.stop();
  });

  test('a descriptor of another thread', async () => {
    const { os } = context;
    const code = `const { createLibOS } = require(${JSON.stringify(join(__dirname, '../../..'))});
      const { parentPort, workerData } = require('node:worker_threads');
      parentPort.postMessage(createLibOS(workerData).queue());`;
    const worker = new Worker(code, { eval: true, workerData: context.config() });
    const [theirs] = (await once(worker, 'message')) as [number];
    const mine = context.queue();
    expect(theirs).not.toBe(mine);
    for (const call of Object.values(calls)) refuses(() => call(os, theirs), 'EBADF', 'another thread');
    await worker.terminate();
  });

  test('a descriptor ends with the call of close', () => {
    const { os } = context;
    const qd = context.queue();
    const closing = os.close(qd);
    refuses(() => os.push(qd, 'x'), 'EBADF');
    refuses(() => os.close(qd), 'EBADF');
    os.wait(closing);
  });

  test('a thousand queues', async () => {
    const { os } = context;
    const queues = Array.from({ length: 1000 }, () => context.queue());
    expect(new Set(queues).size).toBe(1000);
    queues.forEach((qd, i) => os.push(qd, `message ${i}`));
    for (let i = 999; i >= 0; --i) expect(await context.readText(queues[i])).toBe(`message ${i}`);
  });
}
