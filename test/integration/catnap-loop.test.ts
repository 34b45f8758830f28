// How catnap gets on with the event loop: it sleeps on the wake-up fd and wakes, whatever `poll` is, and holds the process only while
// something is pending. Workers that have it end at any moment.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

import { loadNative } from '../../lib/native/binding';
import { AF_INET, SOCK_DGRAM, createLibOS, type LibOS, type PollMode } from '../../lib';

const root = join(__dirname, '../..');
const MODES: PollMode[] = ['sleep', 'adaptive', 'busy'];
const describeOnLinux = process.platform === 'linux' ? describe : describe.skip;

function bound(os: LibOS): number {
  const qd = os.socket(AF_INET, SOCK_DGRAM, 0);
  os.bind(qd, '127.0.0.1:0');
  return qd;
}

async function text(popping: ReturnType<LibOS['pop']>): Promise<string> {
  const { sga } = await popping;
  const popped = sga.toBuffer().toString();
  sga.free();
  return popped;
}

describeOnLinux.each(MODES)("poll: '%s'", (poll) => {
  let os: LibOS;
  beforeEach(() => {
    os = createLibOS({ libos: 'catnap', poll });
  });
  afterEach(() => os.stop());

  test('the event loop goes on while an operation is pending', async () => {
    const popping = os.pop(bound(os));
    popping.catch(() => {});
    for (let turn = 0; turn < 20; ++turn) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(popping.done).toBe(false);
  });

  test('what arrives completes the token, whether the loop sleeps or not', async () => {
    const receiver = bound(os);
    const sender = bound(os);
    for (let round = 0; round < 20; ++round) {
      const popping = os.pop(receiver);
      // Every second time the driver has gone to sleep by then.
      if (round % 2 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
      os.pushto(sender, `${round}`, os.getsockname(receiver));
      expect(await text(popping)).toBe(`${round}`);
    }
  });

  test('a wait sees what arrives, and its time-out', () => {
    const receiver = bound(os);
    const sender = bound(os);
    const popping = os.pop(receiver);
    expect(() => os.wait(popping, 20)).toThrow(expect.objectContaining({ code: 'ETIMEDOUT' }));
    os.pushto(sender, 'now', os.getsockname(receiver));
    const result = os.wait(popping, 10_000);
    expect(result.opcode).toBe('pop');
    if (result.opcode === 'pop') result.sga.free();
  });

  test('two of them in one thread talk to each other', async () => {
    const other = createLibOS({ libos: 'catnap', poll });
    const receiver = bound(other);
    const popping = other.pop(receiver);
    os.pushto(bound(os), 'across', other.getsockname(receiver));
    expect(await text(popping)).toBe('across');
    await other.stop();
  });

  test('the age of a token counts from its call, though the libOS has slept before', async () => {
    await new Promise((resolve) => setTimeout(resolve, 200));
    const popping = os.pop(bound(os));
    popping.catch(() => {});
    expect(os.pending()[0].ageMs).toBeLessThan(150);
  });
});

/** What a program of a process of its own costs and says. */
function runToEnd(code: string): { status: number | null; out: string } {
  const script = `const demi = require(${JSON.stringify(root)});
    const bound = (os) => { const qd = os.socket(demi.AF_INET, demi.SOCK_DGRAM); os.bind(qd, '127.0.0.1:0'); return qd; };
    (async () => { ${code} })();`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', timeout: 20_000 });
  return { status, out: stdout + stderr };
}

describeOnLinux('a process with catnap', () => {
  test('ends when nothing is pending, though sockets are open', () => {
    expect(runToEnd(`const os = demi.createLibOS({ libos: 'catnap' }); bound(os); console.log('end');`)).toEqual({ status: 0, out: 'end\n' });
  });

  test('stays while an operation is, and sleeps meanwhile', () => {
    for (const poll of ['adaptive', 'sleep']) {
      const { status, out } = runToEnd(`const os = demi.createLibOS({ libos: 'catnap', poll: '${poll}' });
        const before = process.cpuUsage();
        await os.pop(bound(os), { timeout: 1000 }).catch(() => {});
        const { user, system } = process.cpuUsage(before); console.log((user + system) / 1e6);`);
      expect(status).toBe(0);
      // Seconds of the processor in one second of waiting; spinning would take all of it.
      expect(Number(out)).toBeLessThan(0.3);
    }
  });

  test("sleeps in a demi_wait with poll: 'sleep'", () => {
    const { status, out } = runToEnd(`const os = demi.createLibOS({ libos: 'catnap', poll: 'sleep' });
      const popping = os.pop(bound(os)); popping.catch(() => {});
      const before = process.cpuUsage();
      try { os.wait(popping, 1000); } catch {}
      const { user, system } = process.cpuUsage(before); console.log((user + system) / 1e6); await os.stop();`);
    expect(status).toBe(0);
    expect(Number(out)).toBeLessThan(0.5);
  });

  test('is let go by unref()', () => {
    expect(runToEnd(`const os = demi.createLibOS({ libos: 'catnap' }); os.unref(); os.pop(bound(os)).then(() => {});`)).toEqual({
      status: 0,
      out: '',
    });
  });

  test('ends by process.exit in the middle of operations', () => {
    const code = `const os = demi.createLibOS({ libos: 'catnap' }); os.pop(bound(os)).then(() => {}); process.exit(7);`;
    expect(runToEnd(code)).toEqual({ status: 7, out: '' });
  });
});

describeOnLinux('workers with catnap', () => {
  test('twenty of them, terminated at any moment of traffic, leave nothing behind', async () => {
    const before = loadNative().liveEnvironments();
    const body = `const demi = require(${JSON.stringify(root)}); const { parentPort } = require('node:worker_threads');
      (async () => {
        const os = demi.createLibOS({ libos: 'catnap' });
        const listener = os.socket(demi.AF_INET, demi.SOCK_STREAM); os.bind(listener, '127.0.0.1:0'); os.listen(listener, 16);
        const client = os.socket(demi.AF_INET, demi.SOCK_STREAM);
        const accepting = os.accept(listener); await os.connect(client, os.getsockname(listener)); const { newQd } = await accepting;
        os.accept(listener).catch(() => {}); parentPort.postMessage('ready');
        for (;;) { os.push(client, 'x'.repeat(100)); const { sga } = await os.pop(newQd); sga.free(); }
      })();`;
    const ends = Array.from({ length: 20 }, async (_, i) => {
      const worker = new Worker(body, { eval: true });
      const ready = new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
      // Some in the middle of starting, the others in the middle of traffic.
      if (i % 4 !== 0) await ready;
      else ready.catch(() => {});
      await worker.terminate();
    });
    await Promise.all(ends);
    for (let i = 0; i < 400 && loadNative().liveEnvironments() !== before; ++i) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(loadNative().liveEnvironments()).toBe(before);
  }, 60_000);

  test('one that waits without end is terminated promptly', async () => {
    const body = `const demi = require(${JSON.stringify(root)});
      const os = demi.createLibOS({ libos: 'catnap', poll: 'sleep' });
      const qd = os.socket(demi.AF_INET, demi.SOCK_DGRAM); os.bind(qd, '127.0.0.1:0');
      const popping = os.pop(qd); require('node:worker_threads').parentPort.postMessage('ready'); os.wait(popping);`;
    const worker = new Worker(body, { eval: true });
    await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    const from = performance.now();
    await worker.terminate();
    expect(performance.now() - from).toBeLessThan(1000);
  });
});

