// Views that leave: whoever transfers the ArrayBuffer of a view takes away a view, and never memory of the libOS.

import { MessageChannel } from 'node:worker_threads';
import { fails, any, pattern, refuses, type Context } from '../context';

export function transferCases(context: Context): void {
  async function roundTrips(): Promise<void> {
    const { os } = context;
    const [client, server] = await context.pair();
    for (let i = 0; i < 20; ++i) {
      const data = pattern(1 + i * 5000, i);
      const pushing = os.push(client, data);
      expect((await context.read(server, data.length)).equals(data)).toBe(true);
      await pushing;
    }
  }

  test('structuredClone with transfer', async () => {
    const { os } = context;
    const qd = context.queue();
    const kept: Uint8Array[] = [];
    for (let i = 0; i < 10; ++i) {
      os.push(qd, `message ${i}`);
      const { sga } = await os.pop(qd);
      const [view] = sga.segments;
      let moved: ArrayBuffer | undefined;
      try {
        moved = structuredClone(view.buffer as ArrayBuffer, { transfer: [view.buffer as ArrayBuffer] });
      } catch {
        // A slab that cannot be detached refuses, which is as good.
      }
      if (moved !== undefined) kept.push(new Uint8Array(moved));
      sga.free();
    }
    await roundTrips();
    kept.length = 0;
    await roundTrips();
  });

  test('ArrayBuffer.prototype.transfer', async () => {
    const { os } = context;
    const qd = context.queue();
    const transfer = (buffer: ArrayBuffer): ArrayBuffer => {
      const here = buffer as ArrayBuffer & { transfer?(): ArrayBuffer };
      return here.transfer !== undefined ? here.transfer() : structuredClone(buffer, { transfer: [buffer] });
    };
    const sga = os.sgaalloc(8);
    const [view] = sga.segments;
    view.fill(1);
    const kept = transfer(view.buffer as ArrayBuffer);
    // Some versions of Node take the buffer away and some only copy it. The libOS loses a view at most, and the SgArray none of its bytes.
    expect([0, 8]).toContain(view.length);
    expect(sga.segments[0].length).toBe(8);
    sga.segments[0].fill(2);
    os.push(qd, sga);
    expect([...(await context.read(qd, 8))]).toEqual(new Array(8).fill(2));
    expect(kept.byteLength).toBeGreaterThan(0);
    await roundTrips();
  });

  test('postMessage with transfer', async () => {
    const { os } = context;
    const { port1, port2 } = new MessageChannel();
    try {
      os.push(context.track(os.createPipe('leaving')), 'leaving');
      const { sga } = await os.pop(context.track(os.openPipe('leaving')));
      const [view] = sga.segments;
      const arrived = new Promise<Uint8Array>((resolve) => port2.once('message', resolve));
      try {
        port1.postMessage(view, [view.buffer as ArrayBuffer]);
        expect(Buffer.from(await arrived).toString()).toBe('leaving');
      } catch (error) {
        expect((error as Error).name).toBe('DataCloneError');
      }
      sga.free();
      await roundTrips();
    } finally {
      port1.close();
      port2.close();
    }
  });

  test('a byte stream that takes the views', async () => {
    const { os } = context;
    const [client, server] = await context.pair();
    const stream = new ReadableStream({
      type: 'bytes',
      async pull(controller): Promise<void> {
        const { sga } = await os.pop(server);
        if (sga.byteLength === 0) controller.close();
        // Each is asked for anew: the one before took its ArrayBuffer away, and others may have been in that.
        for (let i = 0; i < sga.segments.length; ++i) controller.enqueue(sga.segments[i] as Uint8Array<ArrayBuffer>);
        // The stream has the bytes now, and they are copied from it before the next pop.
        held.push(sga);
        if (sga.byteLength === 0) controller.byobRequest?.respond(0);
      },
    });
    const held: { free(): void }[] = [];
    const data = pattern(50_000);
    await os.push(client, data);
    await os.close(client);
    const parts: Buffer[] = [];
    for await (const part of stream as unknown as AsyncIterable<Uint8Array>) parts.push(Buffer.from(part));
    expect(Buffer.concat(parts).equals(data)).toBe(true);
    for (const sga of held) sga.free();
    await roundTrips();
  });

  test('a detached Uint8Array cannot be pushed', () => {
    const { os } = context;
    const view = new Uint8Array(8);
    structuredClone(view.buffer, { transfer: [view.buffer] });
    refuses(() => os.push(context.queue(), view), 'EINVAL', 'data');
    const datagram = context.datagram();
    refuses(() => os.pushto(datagram, view, os.getsockname(datagram)), 'EINVAL', 'data');
    const [refused] = os.submit([{ op: 'push', qd: context.queue(), data: view }]);
    expect(os.wait(refused)).toMatchObject({ opcode: 'failed', error: { code: 'EINVAL' } });
  });

  test('a view that is detached while its push waits', async () => {
    const { os } = context;
    const [client, server] = await context.pair();
    const data = pattern(2 * 1024 * 1024);
    const copy = Buffer.from(data);
    const pushing = os.push(client, data);
    expect(pushing.done).toBe(false);
    structuredClone(data.buffer, { transfer: [data.buffer as ArrayBuffer] });
    const reading = context.readText(server);
    const error = await fails(any(pushing), 'EFAULT');
    await reading;
    expect(error.bytesAccepted).toBeGreaterThan(0);
    expect(error.bytesAccepted).toBeLessThan(copy.length);
    const [other] = await context.pair();
    expect(os.push(other, 'x').done).toBe(true);
  });
}
