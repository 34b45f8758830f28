'use strict';

// The bytes that peers send one another: pseudo-random, from a seed, and each mebibyte begins with its number, so that none can stand for another.

const { createHash } = require('node:crypto');

const BLOCK_BYTES = 1024 * 1024;

/** One mebibyte from `seed`, by xorshift. */
function blockOf(seed) {
  const block = Buffer.alloc(BLOCK_BYTES);
  let x = (seed * 2654435761 + 1) >>> 0 || 1;
  for (let i = 0; i < BLOCK_BYTES; i += 4) {
    x ^= x << 13;
    x ^= x >>> 17;
    x = (x ^ (x << 5)) >>> 0;
    block.writeUInt32LE(x, i);
  }
  return block;
}

/**
 * Gives `bytes` bytes to `write(block)`, one block after the other, two on their way at once; the SHA-256 of all. `write` may use
 * a block until what it returns is fulfilled.
 */
async function writePattern(bytes, write, seed = 1) {
  const hash = createHash('sha256');
  // A block is written anew only when it has been taken.
  const blocks = [blockOf(seed), blockOf(seed + 1)];
  const taken = [undefined, undefined];
  for (let sent = 0, number = 0; sent < bytes; sent += BLOCK_BYTES, number++) {
    const which = number % 2;
    await taken[which];
    const block = blocks[which];
    block.writeUInt32LE(number, 0);
    const part = block.subarray(0, Math.min(BLOCK_BYTES, bytes - sent));
    hash.update(part);
    taken[which] = write(part);
  }
  await Promise.all(taken);
  return hash.digest('hex');
}

/** Counts and hashes all that comes. */
async function readAll(connection) {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const part of connection) {
    hash.update(part);
    bytes += part.length;
  }
  return { bytes, sha256: hash.digest('hex') };
}

module.exports = { writePattern, readAll };
