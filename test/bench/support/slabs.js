'use strict';

// The memory that the kernel keeps for connections: its slab caches, as /proc/slabinfo shows them to root (slabinfo(5)).

const fs = require('node:fs');

const PAGE_BYTES = 4096;

/** cache -> { objects, bytes }; undefined where nobody may look. `bytes` are those of the pages that the cache has. */
function parseSlabs(text) {
  const caches = new Map();
  for (const line of text.split('\n').slice(2)) {
    const [head, , data] = line.split(' : ');
    if (data === undefined) continue;
    const [name, objects, , , , pages] = head.trim().split(/\s+/);
    const [, , slabs] = data.trim().split(/\s+/);
    caches.set(name, { objects: Number(objects), bytes: Number(slabs) * Number(pages) * PAGE_BYTES });
  }
  return caches;
}

function readSlabs() {
  try {
    return parseSlabs(fs.readFileSync('/proc/slabinfo', 'utf8'));
  } catch {
    return undefined;
  }
}

// Inodes that are no sockets': of files that others on the machine have looked at meanwhile, as ps(1) does in /proc.
const isOfFiles = (cache) => cache.endsWith('inode_cache') && cache !== 'sock_inode_cache';

/**
 * What so many connections, with both ends in this kernel, have taken: the caches that have grown by an object at least for every second end. The others grew for
 * other reasons: the whole machine is in them.
 *
 * @returns cache -> bytes, or undefined where nobody may look.
 */
function grownWith(connections, before, after) {
  if (before === undefined || after === undefined) return undefined;
  const grown = {};
  for (const [name, { objects, bytes }] of after) {
    const was = before.get(name) ?? { objects: 0, bytes: 0 };
    if (!isOfFiles(name) && objects - was.objects >= connections) grown[name] = bytes - was.bytes;
  }
  return grown;
}

module.exports = { grownWith, parseSlabs, readSlabs };
