// Three stages joined by memory queues; SHUT_WR says "done" down the line.

import { SHUT_WR, createLibOS, type LibOS } from 'demi-io';

const NUMBERS = 10_000;

// A queue that is full makes the stage before it wait: memory stays bounded however long the input is.
const CAPACITY = 8;

async function produce(os: LibOS, to: number): Promise<void> {
  for (let i = 1; i <= NUMBERS; i++) await os.push(to, String(i));
  await os.shutdown(to, SHUT_WR);
}

async function square(os: LibOS, from: number, to: number): Promise<void> {
  // The loop ends when the queue is done and empty.
  for await (const sga of os.pops(from)) {
    const value = Number(sga.toBuffer().toString());
    await os.push(to, String(value * value));
  }
  await os.shutdown(to, SHUT_WR);
}

async function sum(os: LibOS, from: number): Promise<number> {
  let total = 0;
  for await (const sga of os.pops(from)) total += Number(sga.toBuffer().toString());
  return total;
}

async function main(): Promise<void> {
  await using os = createLibOS({ libos: 'loopback' });
  const numbers = os.queue(CAPACITY);
  const squares = os.queue(CAPACITY);
  const [, , total] = await Promise.all([produce(os, numbers), square(os, numbers, squares), sum(os, squares)]);
  console.log(`the squares of 1 to ${NUMBERS} add up to ${total}`);
  console.log(`it should be ${(NUMBERS * (NUMBERS + 1) * (2 * NUMBERS + 1)) / 6}`);
  await Promise.all([os.close(numbers), os.close(squares)]);
}

void main();
