// Memory queues: anonymous, rendezvous, and named ones.

import { SHUT_RDWR, SHUT_WR } from '../../../lib';
import { any, fails, pattern, refuses, type Context } from '../context';

export function memoryQueueCases(context: Context): void {
  test('messages stay whole and in order', async () => {
    const { os } = context;
    const qd = context.queue();
    for (const text of ['one', 'two', 'three']) os.push(qd, text);
    for (const text of ['one', 'two', 'three']) expect(await context.readText(qd)).toBe(text);
  });

  test('a pop that asks for less gets the next part', async () => {
    const { os } = context;
    const qd = context.queue();
    os.push(qd, 'abcdef');
    os.push(qd, 'next');
    expect((await context.read(qd, 4)).toString()).toBe('abcd');
    expect(await context.readText(qd)).toBe('ef');
    expect(await context.readText(qd)).toBe('next');
  });

  test('capacity is back-pressure', async () => {
    const { os } = context;
    const qd = context.queue(2);
    const pushes = ['a', 'b', 'c', 'd'].map((text) => os.push(qd, text));
    expect(pushes.map((qt) => qt.done)).toEqual([true, true, false, false]);
    expect(await context.readText(qd)).toBe('a');
    expect(pushes.map((qt) => qt.done)).toEqual([true, true, true, false]);
    for (const text of ['b', 'c', 'd']) expect(await context.readText(qd)).toBe(text);
    await Promise.all(pushes);
  });

  test('a rendezvous completes when somebody pops', async () => {
    const { os } = context;
    const qd = context.queue(0);
    const pushes = [os.push(qd, 'a'), os.push(qd, 'b')];
    expect(pushes.map((qt) => qt.done)).toEqual([false, false]);
    expect(await context.readText(qd)).toBe('a');
    await pushes[0];
    expect(pushes[1].done).toBe(false);
    expect(await context.readText(qd)).toBe('b');
    await pushes[1];
    const popping = os.pop(qd);
    expect(popping.done).toBe(false);
    await os.push(qd, 'c');
    const { sga } = await popping;
    expect(sga.toBuffer().toString()).toBe('c');
    sga.free();
  });

  test('a SHUT_WR that is cancelled leaves the other one standing', async () => {
    const { os } = context;
    const qd = context.queue(1);
    os.push(qd, 'fills it');
    const waiting = os.push(qd, 'waits');
    const [first, second] = [os.shutdown(qd, SHUT_WR), os.shutdown(qd, SHUT_WR)];
    os.cancel(any(second));
    await fails(any(second), 'ECANCELED');
    refuses(() => os.push(qd, 'too late'), 'EPIPE');
    os.cancel(any(first));
    await fails(any(first), 'ECANCELED');
    const after = os.push(qd, 'in time');
    for (const text of ['fills it', 'waits', 'in time']) expect(await context.readText(qd)).toBe(text);
    await Promise.all([waiting, after]);
  });

  test('SHUT_WR says done to every reader', async () => {
    const { os } = context;
    const qd = context.queue();
    os.push(qd, 'last');
    await os.shutdown(qd, SHUT_WR);
    refuses(() => os.push(qd, 'x'), 'EPIPE');
    expect(await context.readText(qd)).toBe('last');
    expect(await context.readText(qd)).toBe('');
    const waiting = context.queue();
    const pops = [os.pop(waiting), os.pop(waiting), os.pop(waiting)];
    await os.shutdown(waiting, SHUT_WR);
    for (const { sga } of await Promise.all(pops)) {
      expect(sga.byteLength).toBe(0);
      sga.free();
    }
  });

  test('SHUT_RDWR discards', async () => {
    const { os } = context;
    const qd = context.queue();
    os.push(qd, 'x');
    await os.shutdown(qd, SHUT_RDWR);
    expect(await context.readText(qd)).toBe('');
  });

  test('a large message', async () => {
    const { os } = context;
    const qd = context.queue();
    const data = pattern(8 * 1024 * 1024);
    await os.push(qd, data);
    const { sga } = await os.pop(qd);
    expect(sga.byteLength).toBe(data.length);
    expect(sga.toBuffer().equals(data)).toBe(true);
    sga.free();
  });

  test('pipes have names', async () => {
    const { os } = context;
    const created = context.track(os.createPipe('the pipe'));
    const opened = context.track(os.openPipe('the pipe'));
    expect(created).not.toBe(opened);
    refuses(() => os.createPipe('the pipe'), 'EEXIST', 'the pipe');
    const popping = os.pop(opened);
    os.push(created, 'through');
    const { sga } = await popping;
    expect(sga.toBuffer().toString()).toBe('through');
    sga.free();
    os.push(opened, 'back');
    expect(await context.readText(created)).toBe('back');
    await os.close(created);
    os.push(opened, 'alone');
    expect(await context.readText(context.track(os.openPipe('the pipe')))).toBe('alone');
  });

  test('the name of a pipe ends with its last descriptor', async () => {
    const { os } = context;
    await os.close(os.createPipe('short-lived'));
    refuses(() => os.openPipe('short-lived'), 'ENOENT', 'short-lived');
    await os.close(os.createPipe('short-lived'));
  });
}
