// Workers that end at any moment: nothing crashes, nothing leaks, and terminate() is prompt. Native counters prove it.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

import { loadNative } from '../../lib/native/binding';

const root = join(__dirname, '../..');

/** Starts a worker that runs `body` with the library as `demi`, and waits until it says that it is there. */
function start(body: string): Promise<Worker> {
  const code = `const demi = require(${JSON.stringify(root)}); const { parentPort } = require('node:worker_threads');
    const ready = () => parentPort.postMessage('ready');
    (async () => { ${body} })();`;
  const worker = new Worker(code, { eval: true });
  return new Promise((resolve, reject) => {
    worker.once('message', () => resolve(worker));
    worker.once('error', reject);
  });
}

const IN_THE_MIDDLE_OF = {
  'pending operations of every kind': `
    const os = demi.createLibOS({ libos: 'loopback' });
    const listener = os.socket(demi.AF_INET, demi.SOCK_STREAM); os.bind(listener, '127.0.0.1:0'); os.listen(listener, 1);
    const name = os.getsockname(listener);
    const one = os.socket(demi.AF_INET, demi.SOCK_STREAM); os.connect(one, name);
    const two = os.socket(demi.AF_INET, demi.SOCK_STREAM); os.connect(two, name);
    os.push(one, Buffer.alloc(4e6)); os.pop(one).catch(() => {}); os.pop(os.queue(), { timeout: 1e6 });
    ready();`,
  'traffic that never ends': `
    const qd = demi.demi_queue(); ready();
    for (;;) { demi.demi_push(qd, 'x'.repeat(100)); const { sga } = await demi.demi_pop(qd); sga.free(); }`,
  'a demi_wait without a time-out': `
    const os = demi.createLibOS({ libos: 'loopback' });
    const qd = os.queue(); os.pop(os.queue(), { timeout: 1e9 }); ready();
    os.wait(os.pop(qd));`,
  'a demi_wait with a long time-out': `
    const os = demi.createLibOS({ libos: 'loopback' }); ready();
    os.wait(os.pop(os.queue()), 1e9);`,
  'a busy driver': `
    const os = demi.createLibOS({ libos: 'loopback', poll: 'busy' });
    os.pop(os.queue()).then(() => {}); ready();`,
  // Whatever it is doing, from some moment on it cannot look at an object of JavaScript, nor make one.
  'reading the segments of SgArrays': `
    const os = demi.createLibOS({ libos: 'loopback' }); ready();
    for (;;) { const sga = os.sgaalloc(300000); sga.segments; sga.free(); }`,
  'making pipes': `
    const os = demi.createLibOS({ libos: 'loopback' }); ready();
    for (;;) os.close(os.createPipe('pipe'));`,
  'making libOSes': `
    ready();
    for (;;) demi.createLibOS({ libos: 'loopback', loopback: { namespace: String(Math.random()) } }).stop();`,
  'making libOSes with a stack, and counting': `
    ready();
    for (;;) {
      const os = demi.createLibOS({ libos: 'catpowder', device: { hub: 'counted' }, inet: { addresses: ['10.0.0.1/24'] } });
      for (let i = 0; i < 20; ++i) os.stats();
      os.stop();
    }`,
  'views that it still holds': `
    const os = demi.createLibOS({ libos: 'loopback' });
    globalThis.held = []; for (let i = 0; i < 2000; ++i) held.push(os.sgaalloc(4096).segments);
    ready(); setInterval(() => {}, 1000);`,
};

async function settled(expected: number): Promise<number> {
  // A worker's native state goes with its last libuv handle, which may be a moment after it has exited.
  for (let i = 0; i < 200 && loadNative().liveEnvironments() !== expected; ++i) await new Promise((resolve) => setTimeout(resolve, 5));
  return loadNative().liveEnvironments();
}

describe.each(Object.entries(IN_THE_MIDDLE_OF))('a worker terminated in %s', (_, body) => {
  test('leaves nothing behind', async () => {
    const before = loadNative().liveEnvironments();
    for (let round = 0; round < 17; ++round) {
      const worker = await start(body);
      const from = performance.now();
      await worker.terminate();
      // The promise is 50 ms; a test machine may be busy with other things.
      expect(performance.now() - from).toBeLessThan(1000);
    }
    expect(await settled(before)).toBe(before);
  }, 60_000);
});

test('workers that run at the same time and end by themselves give everything back', async () => {
  const before = loadNative().liveEnvironments();
  const body = `const qd = demi.demi_queue(); demi.demi_push(qd, 'x'); (await demi.demi_pop(qd)).sga.free(); await demi.demi_fini(); ready();`;
  const ended = async (): Promise<void> => {
    const worker = await start(body);
    // It may have ended already; then it has no thread any more.
    if (worker.threadId !== -1) await new Promise((resolve) => worker.once('exit', resolve));
  };
  await Promise.all(Array.from({ length: 8 }, ended));
  expect(await settled(before)).toBe(before);
}, 60_000);

function runToEnd(code: string, options: readonly string[] = []): { status: number | null; out: string; ms: number } {
  const from = performance.now();
  const script = `const demi = require(${JSON.stringify(root)}); (async () => { ${code} })();`;
  const { status, stdout, stderr } = spawnSync(process.execPath, [...options, '-e', script], { encoding: 'utf8', timeout: 20_000 });
  return { status, out: stdout + stderr, ms: performance.now() - from };
}

describe('a process', () => {
  test('ends when nothing is pending, without demi_fini', () => {
    expect(runToEnd(`const qd = demi.demi_queue(); demi.demi_push(qd, 'x'); await demi.demi_pop(qd); console.log('end')`)).toMatchObject({
      status: 0,
      out: 'end\n',
    });
  });

  test('is kept alive by a pending token, and let go by unref()', () => {
    expect(runToEnd(`demi.demi_pop(demi.demi_queue(), { timeout: 300 }).catch((e) => console.log(e.code))`)).toMatchObject({
      status: 0,
      out: 'ETIMEDOUT\n',
    });
    expect(runToEnd(`demi.demi_init().unref(); demi.demi_pop(demi.demi_queue()).then(() => {})`)).toMatchObject({ status: 0, out: '' });
  });

  test('ends by process.exit in the middle of operations', () => {
    const code = `const os = demi.demi_init(); os.pop(os.queue()).then(() => {}); os.push(os.queue(1), 'x'); process.exit(7)`;
    expect(runToEnd(code)).toMatchObject({ status: 7, out: '' });
  });

  test('reports a failure that nobody collected, once', () => {
    const code = `const os = demi.demi_init(); for (let i = 0; i < 3; ++i) os.connect(os.socket(2, 1), '127.0.0.1:9');`;
    const { status, out } = runToEnd(code);
    expect(status).toBe(0);
    expect(out.match(/DEMI_FAILURE_UNCOLLECTED/g)).toHaveLength(1);
  });

  test('counts a failure that nobody collected once, however often it was in a wait set', () => {
    const code = `const os = demi.demi_init(); const qt = os.connect(os.socket(2, 1), '127.0.0.1:9'); const set = os.waitSet();
      const later = () => new Promise((resolve) => setTimeout(resolve, 5));
      for (let i = 0; i < 3; ++i) { set.add(qt); set.delete(qt); } await later();
      set.add(qt); set.delete(qt); await later();
      console.log('counted', os.stats().failuresUncollected);`;
    expect(runToEnd(code).out).toContain('counted 1\n');
  });

  test('has back what a stopped libOS had mapped, when JavaScript does not look at it any more', () => {
    // More than 8 MB each.
    const code = `const os = () => demi.createLibOS({ libos: 'loopback', limits: { queues: 2 ** 20 } });
      const mapped = () => Number(/VmSize:\\s+(\\d+)/.exec(require('node:fs').readFileSync('/proc/self/status', 'utf8'))[1]) / 1024;
      const collect = async () => { for (let i = 0; i < 4; ++i) { gc(); await new Promise((resolve) => setTimeout(resolve, 5)); } };
      const makeAndStop = async (count) => { for (let i = 0; i < count; ++i) await os().stop(); await collect(); };
      await makeAndStop(4);
      const before = mapped();
      await makeAndStop(100);
      console.log(mapped() - before < 200 ? 'given back' : 'kept ' + (mapped() - before) + ' MB');`;
    expect(runToEnd(code, ['--expose-gc'])).toMatchObject({ status: 0, out: 'given back\n' });
  });

  test('that pushes more small messages than there may be pieces of memory waits', () => {
    const code = `const os = demi.demi_init(); const qd = os.queue(Number.MAX_SAFE_INTEGER); const bytes = Buffer.from('x');
      let pushes = 0; let last;
      do last = os.push(qd, bytes); while (last.done && ++pushes < 9e6);
      console.log('waits', !last.done, pushes);
      for (let i = 0; i < 1000; ++i) os.wait(os.pop(qd)).sga.free();
      console.log(os.wait(last, 1000).opcode); process.exit(0);`;
    expect(runToEnd(code)).toMatchObject({ status: 0, out: expect.stringMatching(/^waits true 83\d{5}\npush\n$/) });
  }, 60_000);
});
