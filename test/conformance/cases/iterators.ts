// accepts, pops and datagrams.

import { SHUT_WR, type SgArray } from '../../../lib';
import { nextTurn, refuses, type Context } from '../context';

export function iteratorCases(context: Context): void {
  test('accepts', async () => {
    const { os } = context;
    const listener = context.listener();
    const clients = [context.stream(), context.stream(), context.stream()];
    for (const qd of clients) await os.connect(qd, os.getsockname(listener));
    const addresses: unknown[] = [];
    for await (const { newQd, addr } of os.accepts(listener)) {
      context.track(newQd);
      addresses.push(addr);
      if (addresses.length === 3) break;
    }
    expect(addresses).toEqual(clients.map((qd) => os.getsockname(qd)));
    expect(os.pending()).toEqual([]);
  });

  test('pops until the end, freeing each', async () => {
    const { os } = context;
    const [client, server] = await context.pair();
    const seen: SgArray[] = [];
    let text = '';
    const writing = (async () => {
      for (let i = 0; i < 10; ++i) {
        await os.push(client, `${i}`);
        await nextTurn();
      }
      await os.shutdown(client, SHUT_WR);
    })();
    for await (const sga of os.pops(server)) {
      for (const before of seen) refuses(() => before.byteLength, 'EINVAL', 'freed');
      seen.push(sga);
      text += sga.toBuffer().toString();
    }
    await writing;
    expect(text).toBe('0123456789');
    expect(os.stats().sgArrays).toBe(0);
  });

  test('what a loop pushes on is not freed', async () => {
    const { os } = context;
    const source = context.queue();
    const target = context.queue();
    for (const text of ['a', 'b', 'c']) os.push(source, text);
    await os.shutdown(source, SHUT_WR);
    const clones: SgArray[] = [];
    for await (const sga of os.pops(source)) {
      clones.push(sga.clone());
      os.push(target, sga);
    }
    for (const text of ['a', 'b', 'c']) expect(await context.readText(target)).toBe(text);
    expect(clones.map((sga) => sga.toBuffer().toString())).toEqual(['a', 'b', 'c']);
    for (const sga of clones) sga.free();
  });

  test('datagrams', async () => {
    const { os } = context;
    const a = context.datagram();
    const b = context.datagram();
    for (const text of ['x', '', 'z']) os.pushto(a, text, os.getsockname(b));
    const texts: string[] = [];
    for await (const { sga, from } of os.datagrams(b)) {
      expect(from).toEqual(os.getsockname(a));
      texts.push(sga.toBuffer().toString());
      if (texts.length === 3) break;
    }
    expect(texts).toEqual(['x', '', 'z']);
    expect(os.pending()).toEqual([]);
  });

  test('leaving cancels the operation that is pending', async () => {
    const { os } = context;
    const iterators = [os.pops(context.queue()), os.accepts(context.listener()), os.datagrams(context.datagram())];
    for (const iterator of iterators) {
      const next = iterator.next();
      expect(os.pending().length).toBe(1);
      await iterator.return?.();
      expect(os.pending()).toEqual([]);
      expect(await next).toEqual({ done: true, value: undefined });
      expect(await iterator.next()).toEqual({ done: true, value: undefined });
    }
  });

  test('next() before the last one has come', async () => {
    const { os } = context;
    const qd = context.queue();
    const iterator = os.pops(qd);
    const both = [iterator.next(), iterator.next()];
    os.push(qd, 'a');
    os.push(qd, 'b');
    const texts = (await Promise.all(both)).map(({ value }) => (value as SgArray).toBuffer().toString());
    expect(texts).toEqual(['a', 'b']);
    await iterator.return?.();
    expect(os.stats()).toMatchObject({ sgArrays: 0, buffers: 0 });
  });

  test('what comes in the moment of leaving is not kept', async () => {
    const { os } = context;
    const qd = context.queue();
    const listener = context.listener();
    const popping = os.pops(qd);
    const accepting = os.accepts(listener);
    const next = [popping.next(), accepting.next()];
    os.push(qd, 'too late');
    const connecting = os.connect(context.stream(), os.getsockname(listener));
    await Promise.all([popping.return?.(), accepting.return?.()]);
    for (const one of next) expect(await one).toEqual({ done: true, value: undefined });
    await connecting;
    expect(os.stats()).toMatchObject({ sgArrays: 0, tokensPending: 0, queues: 3 });
  });

  test('a refusal ends the loop', async () => {
    const { os } = context;
    const iterator = os.pops(context.listener());
    await expect(iterator.next()).rejects.toMatchObject({ code: 'ENOTCONN' });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  test('a failure ends the loop', async () => {
    const { os } = context;
    const qd = context.queue();
    const iterator = os.pops(qd, { timeout: 2 });
    await expect(iterator.next()).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    const reason = new Error('stop');
    const controller = new AbortController();
    const aborted = os.pops(qd, { signal: controller.signal }).next();
    controller.abort(reason);
    await expect(aborted).rejects.toBe(reason);
  });
}
