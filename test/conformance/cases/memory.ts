// SgArrays: who owns the bytes.

import { SHUT_WR, type SgArray } from '../../../lib';
import { any, fails, pattern, refuses, type Context } from '../context';

export function memoryCases(context: Context): void {
  function filled(text: string): SgArray {
    const sga = context.os.sgaalloc(text.length);
    sga.segments[0].set(Buffer.from(text));
    return sga;
  }

  function untouchable(sga: SgArray, word: string): void {
    const touches: (() => unknown)[] = [
      () => sga.byteLength,
      () => sga.segments,
      () => sga.toBuffer(),
      () => sga.clone(),
      () => sga.slice(0, 1),
      () => context.os.push(context.queue(), sga),
      () => context.os.pushto(context.datagram(), sga, context.at(9)),
    ];
    for (const touch of touches) refuses(touch, 'EINVAL', word);
    const [refused] = context.os.submit([{ op: 'push', qd: context.queue(), data: sga }]);
    expect(context.os.wait(refused)).toMatchObject({ opcode: 'failed', error: { code: 'EINVAL' } });
    sga.free();
    sga[Symbol.dispose]();
    context.os.sgafree(sga);
  }

  test('a push moves', async () => {
    const { os } = context;
    const qd = context.queue();
    const sga = filled('moved');
    os.push(qd, sga);
    untouchable(sga, 'moved');
    expect(await context.readText(qd)).toBe('moved');
  });

  test('a push that waits has moved too, and gives the memory back when it is cancelled', async () => {
    const { os } = context;
    const sga = filled('waits');
    const qt = os.push(context.queue(0), sga);
    untouchable(sga, 'moved');
    os.cancel(any(qt));
    await fails(any(qt), 'ECANCELED');
    expect(os.stats().sgArrays).toBe(0);
  });

  test('a refused push leaves it', async () => {
    const { os } = context;
    const qd = context.queue();
    await os.shutdown(qd, SHUT_WR);
    const sga = filled('mine');
    refuses(() => os.push(qd, sga), 'EPIPE');
    refuses(() => os.push(context.stream(), sga), 'ENOTCONN');
    refuses(() => os.push(0, sga), 'EBADF');
    const none = sga.slice(2, 2);
    const [client] = await context.pair();
    for (const target of [client, context.queue()]) refuses(() => os.push(target, none), 'EINVAL', 'data');
    none.free();
    await expect(os.push(context.queue(), sga, { signal: AbortSignal.abort('no') })).rejects.toBe('no');
    expect(sga.toBuffer().toString()).toBe('mine');
    sga.free();
  });

  test('free is idempotent', () => {
    const sga = filled('free');
    sga.free();
    untouchable(sga, 'freed');
  });

  test('clone and slice share the bytes', () => {
    const sga = filled('0123456789');
    const clone = sga.clone();
    const slice = sga.slice(2, 5);
    const rest = sga.slice(8);
    const none = sga.slice(4, 4);
    sga.free();
    expect([clone, slice, rest, none].map((one) => one.toBuffer().toString())).toEqual(['0123456789', '234', '89', '']);
    expect(none.byteLength).toBe(0);
    for (const one of [clone, slice, rest, none]) one.free();
    const other = filled('abc');
    for (const [begin, end] of [[-1, 1], [0, 4], [2, 1], [0.5, 1], [NaN, 1], [0, Infinity], [0, 2 ** 53], [-(2 ** 31), 1]]) {
      refuses(() => other.slice(begin, end), 'EINVAL', 'slice');
    }
    refuses(() => other.slice('0' as unknown as number), 'TypeError', 'begin');
    refuses(() => other.slice(0, null as unknown as number), 'TypeError', 'end');
    other.free();
  });

  test('one without bytes, as at the end of a stream, need not be freed', async () => {
    const { os } = context;
    const qd = context.queue();
    const filledOne = filled('none of this');
    const none = filledOne.slice(4, 4);
    filledOne.free();
    await os.shutdown(qd, SHUT_WR);
    const [client, server] = await context.pair();
    await os.shutdown(client, SHUT_WR);
    const ends = [none, none.clone(), none.slice(0, 0)];
    for (const ended of [qd, qd, server, server]) ends.push((await os.pop(ended)).sga);
    expect(os.stats().sgArrays).toBe(0);
    for (const end of ends) expect([end.byteLength, end.segments, end.toBuffer().length]).toEqual([0, [], 0]);
    for (const end of ends) {
      end.free();
      untouchable(end, 'freed');
    }
    expect(os.stats().sgArrays).toBe(0);
  });

  test('a clone outlives the push of the original', async () => {
    const { os } = context;
    const [client, server] = await context.pair();
    const sga = filled('twice');
    const clone = sga.clone();
    await os.push(client, sga);
    await os.push(client, clone);
    expect((await context.read(server, 10)).toString()).toBe('twicetwice');
  });

  test('toBuffer is a copy', () => {
    const sga = filled('copy');
    const copy = sga.toBuffer();
    sga.segments[0].fill(0);
    expect(copy.toString()).toBe('copy');
    sga.free();
    expect(copy.toString()).toBe('copy');
  });

  test('large ones have several segments', async () => {
    const { os } = context;
    const data = pattern(300_000);
    const sga = os.sgaalloc(data.length);
    expect(sga.segments.length).toBeGreaterThan(1);
    expect(sga.segments.reduce((sum, one) => sum + one.length, 0)).toBe(data.length);
    expect(sga.segments).toBe(sga.segments);
    let at = 0;
    for (const segment of sga.segments) {
      segment.set(data.subarray(at, at + segment.length));
      at += segment.length;
    }
    const part = sga.slice(60_000, 200_001);
    expect(part.toBuffer().equals(data.subarray(60_000, 200_001))).toBe(true);
    part.free();
    const qd = context.queue();
    os.push(qd, sga);
    const popped = await os.pop(qd);
    expect(popped.sga.toBuffer().equals(data)).toBe(true);
    popped.sga.free();
  });

  test('what a pop gave can be pushed on', async () => {
    const { os } = context;
    const [client, server] = await context.pair();
    await os.push(client, 'echo');
    const { sga } = await os.pop(server);
    sga.segments[0][0] = 0x45;
    await os.push(server, sga);
    expect(await context.readText(client)).toBe('Echo');
  });

  test('an SgArray of another libOS is refused', async () => {
    const other = context.create();
    const sga = other.sgaalloc(3);
    refuses(() => context.os.push(context.queue(), sga), 'EINVAL', 'data', 'toBuffer');
    expect(sga.byteLength).toBe(3);
    await other.stop();
    refuses(() => sga.byteLength, 'EINVAL', 'stopped');
    sga.free();
  });

  test('the pool is given back when it was full', () => {
    const os = context.limited({ bufferBytes: 4 * 1024 * 1024 });
    const held: SgArray[] = [];
    for (;;) {
      try {
        held.push(os.sgaalloc(60_000));
      } catch (error) {
        expect(error).toMatchObject({ code: 'ENOMEM' });
        break;
      }
      if (held.length > 1000) throw new Error('the pool has no bound');
    }
    expect(held.length).toBeGreaterThan(10);
    for (const sga of held) sga.free();
    os.sgaalloc(1_000_000).free();
  });

  test('an exhausted pool makes a push wait', async () => {
    const os = context.limited({ bufferBytes: 4 * 1024 * 1024 });
    const qd = context.queue();
    const held: SgArray[] = [];
    for (const size of [60_000, 15_000, 2000, 200]) {
      for (;;) {
        try {
          held.push(os.sgaalloc(size));
        } catch {
          break;
        }
      }
    }
    const pushing = os.push(qd, 'waits for memory');
    expect(pushing.done).toBe(false);
    for (const sga of held) sga.free();
    await pushing;
    expect(await context.readText(qd)).toBe('waits for memory');
  });
}
