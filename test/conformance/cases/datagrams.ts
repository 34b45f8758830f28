// Datagrams: each arrives whole or not at all, and says where it came from.

import { any, fails, pattern, type Context } from '../context';

export function datagramCases(context: Context): void {
  test('pushto and pop with from', async () => {
    const { os } = context;
    const a = context.datagram();
    const b = context.datagram();
    await os.pushto(a, 'hello', os.getsockname(b));
    const { sga, from } = await os.pop(b);
    expect(sga.toBuffer().toString()).toBe('hello');
    sga.free();
    expect(from).toEqual(os.getsockname(a));
    const { address, port } = os.getsockname(a);
    await os.pushto(b, 'back', address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`);
    expect(await context.readText(a)).toBe('back');
  });

  test('empty datagrams', async () => {
    const { os } = context;
    const a = context.datagram();
    const b = context.datagram();
    for (const data of ['', new Uint8Array(0)]) {
      await os.pushto(a, data, os.getsockname(b));
      const { sga, from } = await os.pop(b);
      expect(sga.byteLength).toBe(0);
      expect(sga.segments).toEqual([]);
      expect(from).toEqual(os.getsockname(a));
      await os.pushto(b, sga, os.getsockname(a));
      expect(await context.readText(a)).toBe('');
    }
  });

  test('the rest of a datagram that does not fit the size is lost', async () => {
    const { os } = context;
    const a = context.datagram();
    const b = context.datagram();
    os.pushto(a, 'first one', os.getsockname(b));
    os.pushto(a, 'second', os.getsockname(b));
    const { sga } = await os.pop(b, 5);
    expect(sga.toBuffer().toString()).toBe('first');
    sga.free();
    expect(await context.readText(b)).toBe('second');
  });

  test('the largest datagram', async () => {
    const { os } = context;
    const a = context.datagram();
    const b = context.datagram();
    const data = pattern(context.capabilities.largestDatagramBytes ?? 65_507);
    await os.pushto(a, data, os.getsockname(b));
    expect((await context.read(b, data.length)).equals(data)).toBe(true);
  });

  test('a connected socket has one peer', async () => {
    const { os } = context;
    const a = context.datagram();
    const b = context.datagram();
    const stranger = context.datagram();
    await os.connect(a, os.getsockname(b));
    expect(os.getpeername(a)).toEqual(os.getsockname(b));
    await os.push(a, 'to b');
    expect(await context.readText(b)).toBe('to b');
    await os.pushto(stranger, 'unheard', os.getsockname(a));
    await os.pushto(b, 'heard', os.getsockname(a));
    expect(await context.readText(a)).toBe('heard');
    await os.connect(a, os.getsockname(stranger));
    await os.push(a, 'to the other');
    expect(await context.readText(stranger)).toBe('to the other');
  });

  test('a connected socket hears that nobody is there', async () => {
    const { os } = context;
    const gone = context.datagram();
    const name = os.getsockname(gone);
    await os.close(gone);
    const a = context.datagram();
    await os.connect(a, name);
    await os.push(a, 'anybody?');
    await fails(any(os.pop(a, { timeout: 1000 })), 'ECONNREFUSED');
    await os.push(a, 'anybody?');
    await context.delivered();
    await fails(any(os.push(a, 'really?')), 'ECONNREFUSED');
  });

  test('an SgArray as a datagram', async () => {
    const { os } = context;
    const a = context.datagram();
    const b = context.datagram();
    const sga = os.sgaalloc(3);
    sga.segments[0].set([1, 2, 3]);
    await os.pushto(a, sga, os.getsockname(b));
    expect([...(await context.read(b, 3))]).toEqual([1, 2, 3]);
  });

  test('a socket without a name gets one when it sends', async () => {
    const { os } = context;
    const a = context.datagram(false);
    const b = context.datagram();
    await os.pushto(a, 'x', os.getsockname(b));
    const { sga, from } = await os.pop(b);
    sga.free();
    expect(from?.port).toBe(os.getsockname(a).port);
    expect(from?.port).toBeGreaterThan(0);
  });
}
