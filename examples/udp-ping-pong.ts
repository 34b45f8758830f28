// Two UDP sockets send a datagram back and forth; each answers to where it came from.

import { AF_INET, SOCK_DGRAM, demi_init } from 'demi-io';

const ROUNDS = 1000;
// A datagram may be lost; nobody should wait for one for ever.
const patience = { timeout: 5000 };

async function main(): Promise<void> {
  await using os = demi_init();
  const ping = os.socket(AF_INET, SOCK_DGRAM, 0);
  const pong = os.socket(AF_INET, SOCK_DGRAM, 0);
  os.bind(ping, '127.0.0.1:0');
  os.bind(pong, '127.0.0.1:0');

  const answering = (async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { sga, from } = await os.pop(pong, patience);
      if (from !== undefined) os.pushto(pong, sga, from);
    }
  })();

  const target = os.getsockname(pong);
  let returned = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const text = `datagram ${round}`;
    os.pushto(ping, text, target);
    const { sga } = await os.pop(ping, patience);
    if (sga.toBuffer().toString() === text) returned++;
    sga.free();
  }
  await answering;
  console.log(`${returned} of ${ROUNDS} datagrams came back from port ${target.port}`);
  await Promise.all([os.close(ping), os.close(pong)]);
}

void main();
