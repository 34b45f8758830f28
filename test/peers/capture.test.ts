// What the judge of captures makes of a few segments that are written by hand.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { readCapture } = require('./capture');

const hasTshark = spawnSync('sh', ['-c', 'command -v tshark']).status === 0;
const testWithTshark = hasTshark || process.env['DEMI_REQUIRE_ALL'] === '1' ? test : test.skip;

const [OURS, THEIRS] = [Buffer.from([10, 0, 0, 1]), Buffer.from([10, 0, 0, 2])];

interface Segment {
  ms: number;
  isOurs: boolean;
  seq: number;
  ack?: number;
  length?: number;
  sack?: [number, number];
  /** Instead of the right one. */
  checksum?: number;
  /** Makes the right one zero. */
  isZero?: boolean;
}

function sumOf(...pieces: Buffer[]): number {
  const bytes = Buffer.concat(pieces);
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += bytes[i] * 256 + (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function frameOf({ isOurs, seq, ack = 1, length = 0, sack, checksum, isZero }: Segment): Buffer {
  const options = Buffer.alloc(sack === undefined ? 0 : 12, 1);
  if (sack !== undefined) {
    options.set([5, 10], 2);
    options.writeUInt32BE(sack[0], 4);
    options.writeUInt32BE(sack[1], 8);
  }
  const tcp = Buffer.alloc(20);
  tcp.writeUInt16BE(isOurs ? 80 : 999, 0);
  tcp.writeUInt16BE(isOurs ? 999 : 80, 2);
  tcp.writeUInt32BE(seq, 4);
  tcp.writeUInt32BE(ack, 8);
  tcp[12] = ((20 + options.length) / 4) << 4;
  tcp[13] = 0x10;
  tcp.writeUInt16BE(60_000, 14);
  const text = Buffer.alloc(length, 0x61);
  const bytes = tcp.length + options.length + text.length;
  const [from, to] = isOurs ? [OURS, THEIRS] : [THEIRS, OURS];
  const right = (): number => sumOf(from, to, Buffer.from([0, 6, bytes >> 8, bytes & 0xff]), tcp, options, text);
  // The urgent pointer means nothing without its flag.
  if (isZero) tcp.writeUInt16BE(right(), 18);
  tcp.writeUInt16BE(checksum ?? right(), 16);
  const ip = Buffer.from([0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0, ...from, ...to]);
  ip.writeUInt16BE(20 + bytes, 2);
  ip.writeUInt16BE(sumOf(ip), 10);
  return Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]), ip, tcp, options, text]);
}

function judge(segments: Segment[]): any {
  const folder = mkdtempSync(join(tmpdir(), 'demi-capture-'));
  try {
    // Nanoseconds, Ethernet.
    const parts: Uint8Array[] = [Buffer.from(Uint32Array.of(0xa1b23c4d, 0x00040002, 0, 0, 65535, 1).buffer)];
    for (const segment of segments) {
      const frame = frameOf(segment);
      parts.push(Buffer.from(Uint32Array.of(1000, segment.ms * 1e6, frame.length, frame.length).buffer), frame);
    }
    const file = join(folder, 'a.pcap');
    writeFileSync(file, Buffer.concat(parts));
    return readCapture(file, '10.0.0.1');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

testWithTshark('either zero is a good checksum, and nothing else is', () => {
  const theirs = { ms: 1, isOurs: false, seq: 1 };
  expect(judge([theirs]).damaged).toBe(0);
  expect(judge([{ ...theirs, isZero: true }]).damaged).toBe(0);
  expect(judge([{ ...theirs, isZero: true, checksum: 0xffff }]).damaged).toBe(0);
  expect(judge([{ ...theirs, checksum: 0xffff }]).damaged).toBe(1);
  expect(judge([{ ...theirs, isZero: true, checksum: 1 }]).damaged).toBe(1);
});

testWithTshark('a piece was sent when any byte of it was sent last, wherever segments began', () => {
  const ours = (ms: number, seq: number, length: number): Segment => ({ ms, isOurs: true, seq, length });
  const hole: Segment = { ms: 10, isOurs: false, seq: 1, ack: 1, sack: [1001, 2001] };
  const { again } = judge([{ ms: 0, isOurs: false, seq: 1, ack: 1 }, ours(0, 1, 1000), ours(0, 1001, 1000), ours(0, 2001, 900), hole, ours(20, 1, 1000), ours(20, 1901, 1000)]);
  // The last one is cut from the end, and what left with it has nothing to do with it.
  expect(again.ours.map(({ waitedMs, holeWasReported }: any) => [Math.round(waitedMs), holeWasReported])).toEqual([[20, true], [20, true]]);
  // Of what was sent again in two pieces, each has its own time.
  const pieces = judge([{ ms: 0, isOurs: false, seq: 1, ack: 1 }, ours(0, 1, 1000), ours(5, 1, 400), ours(7, 401, 600), ours(9, 301, 200)]).again.ours;
  expect(pieces.map(({ waitedMs }: any) => Math.round(waitedMs))).toEqual([5, 7, 2]);
});
