// Push and pop on a memory queue with the demi_* calls, waiting without the event loop.

import { demi_close, demi_fini, demi_pop, demi_push, demi_queue, demi_sgaalloc, demi_wait } from 'demi-io';

async function main(): Promise<void> {
  const qd = demi_queue();

  // Every operation returns its token at once; demi_wait spins until that token is done.
  const popped = demi_pop(qd);
  console.log(`before the push: done is ${popped.done}`);
  demi_wait(demi_push(qd, 'a string'));
  console.log(`after the push: done is ${popped.done}`);
  const first = demi_wait(popped);
  if (first.opcode === 'failed') throw first.error;
  console.log(`popped '${first.sga.toBuffer().toString()}'`);
  first.sga.free();

  // Memory of the libOS is moved and not copied: after the push it belongs to the receiver.
  const message = demi_sgaalloc(16);
  message.segments[0].fill(7);
  demi_push(qd, message);
  const { sga } = await demi_pop(qd);
  console.log(`popped ${sga.byteLength} bytes of ${sga.segments[0][0]}`);
  sga.free();

  await demi_close(qd);
  await demi_fini();
}

void main();
