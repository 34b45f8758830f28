// What operations take of JavaScript's memory, in bytes of an idle process whose garbage collector has nothing to do meanwhile.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(__dirname, '../..');
const MEASURING = `
  const { createLibOS } = require(${JSON.stringify(root)});
  const { getHeapStatistics } = require('node:v8');
  const os = createLibOS({ libos: 'loopback' });
  const qd = os.queue();
  const data = new Uint8Array(64);
  const COUNT = 1000;
  const tokens = new Array(COUNT).fill(null), results = new Array(COUNT).fill(null);
  function each(step) {
    const before = getHeapStatistics().used_heap_size;
    for (let i = 0; i < COUNT; ++i) step(i);
    return (getHeapStatistics().used_heap_size - before) / COUNT;
  }
  const steps = {
    push: (i) => { os.push(qd, data); },
    pop: (i) => { tokens[i] = os.pop(qd); },
    wait: (i) => { results[i] = os.wait(tokens[i]); },
    free: (i) => { results[i].sga.free(); },
  };
  const least = { push: Infinity, pop: Infinity, wait: Infinity, free: Infinity };
  // Once the code is compiled, and in a round that no garbage collection falls into.
  for (let round = 0; round < 80; ++round) {
    for (const [name, step] of Object.entries(steps)) {
      const bytes = each(step);
      if (round > 40 && bytes >= 0) least[name] = Math.min(least[name], bytes);
    }
  }
  process.stdout.write(JSON.stringify(least));
  os.stop();`;

// A word is 8 bytes, an object has 3 beside its properties. Were descriptors boxed, each token and each result would take 16 bytes more.
test('a token is 8 properties, an SgArray 9, a result 4', () => {
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--max-semi-space-size=64', '-e', MEASURING], { encoding: 'utf8' });
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  const bytes = JSON.parse(stdout) as Record<string, number>;
  const token = 8 * (3 + 8) + 8; // and its place among the completed
  const sga = 8 * (3 + 9);
  const result = 8 * (3 + 4);
  const slack = 4;
  expect(bytes.push).toBeLessThan(token + slack);
  expect(bytes.pop).toBeLessThan(token + sga + slack);
  expect(bytes.wait).toBeLessThan(result + slack);
  expect(bytes.free).toBeLessThan(slack);
});
