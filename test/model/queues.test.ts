// Random sequences of calls on memory queues and a connection, against a model that is plain arrays. A failure prints the sequence, shrunk, and
// the seed with which it happens again (fast-check's `seed` and `path`).

import fc from 'fast-check';

import { AF_INET, createLibOS, DemiError, SHUT_WR, SOCK_STREAM, type LibOS, type PopResult, type PushResult, type QToken } from '../../lib';

/** Where bytes go in at one end and come out at the other, in the model. */
class Model {
  /** Bytes on their way, as messages. */
  messages: Buffer[] = [];
  ended = false;
  closed = false;
  readonly pushes: { qt: QToken<PushResult>; data: Buffer }[] = [];
  readonly pops: { qt: QToken<PopResult>; size: number }[] = [];

  constructor(
    readonly os: LibOS,
    readonly into: number,
    readonly out: number,
    /** Messages that fit, or Infinity: a stream, whose buffer is larger than what a sequence pushes. */
    readonly capacity: number,
    readonly isStream: boolean,
  ) {}

  /** Does what the model can do: pending pushes first, then pending pops, each in order. */
  settle(): void {
    for (;;) {
      const pushed = this.pushes.length > 0 && this.messages.length < this.capacity;
      if (pushed) {
        const { qt, data } = this.pushes.shift()!;
        this.messages.push(data);
        expect(this.os.wait(qt, 0)).toMatchObject({ opcode: 'push' });
      }
      const popped = this.pops.length > 0 && (this.messages.length > 0 || this.ended);
      if (popped) this.settlePop();
      if (!pushed && !popped) return;
    }
  }

  private settlePop(): void {
    const { qt, size } = this.pops.shift()!;
    const result = this.os.wait(qt, 0);
    if (result?.opcode !== 'pop') throw new Error(`a pop should have finished: ${JSON.stringify(result?.opcode)}`);
    expect(result.sga.toBuffer().equals(this.take(size))).toBe(true);
    result.sga.free();
  }

  private take(size: number): Buffer {
    if (this.isStream) this.messages = this.messages.length > 0 ? [Buffer.concat(this.messages)] : [];
    const first = this.messages.shift() ?? Buffer.alloc(0);
    if (first.length > size) this.messages.unshift(first.subarray(size));
    return first.subarray(0, size);
  }
}

type Step = (model: Model) => void;

let filler = 0;
const push = (length: number): Step => (model) => {
  if (model.closed) return;
  const data = Buffer.alloc(length, ++filler & 0xff);
  if (model.ended || length === 0) {
    expect(() => model.os.push(model.into, data)).toThrow(DemiError);
    return;
  }
  // A queue that ends behind a pending push takes no more; the model ends only when nothing is pending.
  model.pushes.push({ qt: model.os.push(model.into, length % 2 === 0 ? data : moved(model.os, data)), data });
  model.settle();
};
function moved(os: LibOS, data: Buffer): ReturnType<LibOS['sgaalloc']> {
  const sga = os.sgaalloc(data.length);
  let at = 0;
  for (const segment of sga.segments) {
    segment.set(data.subarray(at, at + segment.length));
    at += segment.length;
  }
  return sga;
}
const pop = (size: number): Step => (model) => {
  if (model.closed) return;
  model.pops.push({ qt: size === 0 ? model.os.pop(model.out) : model.os.pop(model.out, size), size: size === 0 ? Infinity : size });
  model.settle();
};
const cancelPop = (which: number): Step => (model) => {
  if (model.pops.length === 0) return;
  const [{ qt }] = model.pops.splice(which % model.pops.length, 1);
  model.os.cancel(qt);
  expect(model.os.wait(qt, 0)).toMatchObject({ opcode: 'failed', error: { code: 'ECANCELED' } });
  model.settle();
};
const cancelPush = (which: number): Step => (model) => {
  if (model.pushes.length === 0) return;
  const [{ qt }] = model.pushes.splice(which % model.pushes.length, 1);
  model.os.cancel(qt);
  expect(model.os.wait(qt, 0)).toMatchObject({ opcode: 'failed', error: { code: 'ECANCELED', bytesAccepted: 0 } });
  model.settle();
};
const end: Step = (model) => {
  if (model.closed || model.ended || model.pushes.length > 0) return;
  model.os.wait(model.os.shutdown(model.into, SHUT_WR));
  model.ended = true;
  model.settle();
};
const close: Step = (model) => {
  if (model.closed) return;
  model.closed = true;
  const pending = [...model.pops, ...(model.into === model.out ? model.pushes : [])].map(({ qt }) => qt);
  model.os.wait(model.os.close(model.out));
  for (const qt of pending) expect(model.os.wait(qt as QToken, 0)).toMatchObject({ opcode: 'failed', error: { code: 'ECANCELED' } });
  expect(() => model.os.pop(model.out)).toThrow('EBADF');
  model.pops.length = model.pushes.length = 0;
};

const step: fc.Arbitrary<[number, Step]> = fc.tuple(
  fc.nat({ max: 3 }),
  fc.oneof(
    { weight: 6, arbitrary: fc.oneof(fc.constantFrom(0, 1, 2, 64, 257), fc.nat({ max: 5000 })).map(push) },
    { weight: 6, arbitrary: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 3000 })).map(pop) },
    { weight: 2, arbitrary: fc.nat({ max: 9 }).map(cancelPop) },
    { weight: 1, arbitrary: fc.nat({ max: 9 }).map(cancelPush) },
    { weight: 1, arbitrary: fc.constant(end) },
    { weight: 1, arbitrary: fc.constant(close) },
  ),
);

function models(os: LibOS): Model[] {
  const queue = (capacity: number): Model => {
    const qd = os.queue(capacity);
    return new Model(os, qd, qd, capacity, false);
  };
  const listener = os.socket(AF_INET, SOCK_STREAM);
  os.bind(listener, '127.0.0.1:0');
  os.listen(listener, 1);
  const client = os.socket(AF_INET, SOCK_STREAM);
  os.wait(os.connect(client, os.getsockname(listener)));
  const accepted = os.wait(os.accept(listener));
  if (accepted.opcode !== 'accept') throw accepted.error;
  return [queue(1), queue(3), queue(1000), new Model(os, client, accepted.newQd, Infinity, true)];
}

test('random sequences of calls do what plain arrays would', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 120 }), async (steps) => {
      const os = createLibOS({ libos: 'loopback', loopback: { namespace: 'model' } });
      try {
        const all = models(os);
        for (const [which, run] of steps) run(all[which]);
      } finally {
        await os.stop();
      }
    }),
    { numRuns: 400 },
  );
}, 120_000);
