// Several workers of a process on the queues of one port of DPDK.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { DPDK_PLUGIN } from '../../lib/native/binding';

const root = join(__dirname, '..', '..');
const { canMakeNamespaces } = require('../setup/namespaces') as { canMakeNamespaces: boolean };
const required = process.env['DEMI_REQUIRE_ALL'] === '1';

jest.setTimeout(120_000);

interface Round {
  echoed: number;
  asked: number;
  answered: number;
  served: number[];
  handedOver: number;
  notHandedOver: number;
}

// The kernel chooses a queue of the TAP interface by a hash of its own, so about half of the frames come to the wrong one.
(required || (existsSync(DPDK_PLUGIN) && canMakeNamespaces) ? test : test.skip)('workers share the connections of the kernel over net_tap, also when one ends and comes back', () => {
  const connections = 40;
  const program = [join(root, 'test', 'peers', 'dpdk-workers.js'), String(connections)];
  const { status, stdout, stderr } = spawnSync('unshare', ['-n', process.execPath, ...program], { cwd: root, encoding: 'utf8', timeout: 100_000, killSignal: 'SIGKILL' });
  // EAL alone has something to say there.
  expect([stderr.replace(/^(EAL|TELEMETRY|tap_\w+|\w+\(\)): .*\n/gm, ''), status]).toEqual(['', 0]);
  const { both, one, again } = JSON.parse(stdout.trim().split('\n').at(-1)!) as Record<string, Round>;
  for (const round of [both, one, again]) expect(round).toMatchObject({ echoed: connections, answered: round.asked, notHandedOver: 0 });
  for (const { served } of [both, again]) {
    expect(served[0] + served[1]).toBe(connections);
    // Of so many, each has some: otherwise by one in 2^39.
    expect(Math.min(...served)).toBeGreaterThan(0);
  }
  expect(one.served).toEqual([connections]);
  expect(both.handedOver).toBeGreaterThan(0);
});
