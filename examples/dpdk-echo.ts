// Two processes echo over DPDK, by shared memory (memif): no card, no root, no hugepages. One command starts both.

import { fork } from 'node:child_process';
import { once } from 'node:events';

import { AF_INET, SOCK_STREAM, createLibOS, type LibOS } from 'demi-io';

const MESSAGES = 5_000;
const ADDRESSES = { server: '10.77.0.1', client: '10.77.0.2' };

type Role = keyof typeof ADDRESSES;

/** One end of the shared memory. With a card, `eal` names it (`-a 0000:01:00.0`), and nothing else changes. */
function open(role: Role, meeting: string): LibOS {
  return createLibOS({
    libos: 'catnip',
    dpdk: { eal: ['--no-huge', '--no-pci', `--vdev=net_memif0,role=${role},socket=${meeting}`], port: 'net_memif0' },
    inet: { addresses: [`${ADDRESSES[role]}/24`] },
  });
}

async function serve(os: LibOS): Promise<void> {
  const listener = os.socket(AF_INET, SOCK_STREAM, 0);
  os.bind(listener, `${ADDRESSES.server}:7`);
  os.listen(listener, 16);
  const { newQd } = await os.accept(listener);
  // What the device has received is what is sent: nothing is copied.
  for await (const sga of os.pops(newQd)) await os.push(newQd, sga);
  await os.close(newQd);
}

async function ask(os: LibOS): Promise<void> {
  const qd = os.socket(AF_INET, SOCK_STREAM, 0);
  // The server may still be starting: the connect waits for it.
  await os.connect(qd, `${ADDRESSES.server}:7`, { timeout: 10_000 });
  const message = Buffer.alloc(64, 'demi');
  const begin = process.hrtime.bigint();
  for (let i = 0; i < MESSAGES; ++i) {
    os.push(qd, message);
    const { sga } = await os.pop(qd);
    sga.free();
  }
  const us = Number(process.hrtime.bigint() - begin) / 1000 / MESSAGES;
  console.log(`${MESSAGES} messages there and back on ${os.info().libos}, ${us.toFixed(1)} us each`);
  await os.close(qd);
}

async function main(): Promise<void> {
  const [, , role = 'client', meeting = `/tmp/demi-echo-${process.pid}`] = process.argv;
  const server = role === 'client' ? fork(__filename, ['server', meeting]) : undefined;
  try {
    await using os = open(role as Role, meeting);
    await (role === 'client' ? ask(os) : serve(os));
  } catch (error) {
    server?.kill();
    throw error;
  }
  if (server !== undefined && server.exitCode === null) await once(server, 'exit');
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
