'use strict';

// Programs for stack_frames that mean something: how connections are opened, used and closed, lose segments, and fail. The fuzzer goes on from
// them. What each byte says is in test/addon/inet/stack_program.h and wire_program.h; `npm run fuzz` puts these beside what it has found.

// The first byte of a program chooses settings, the second what the stack begins with: all there is, or one situation.
const EVERYTHING = 0;
const SMALL_MEMORY = 0x20;
const POLITE = 0x80;

// Of the peers when everything is there, in the order of StackStates::Situation; then those that the stack opens.
const PEER = { idle: 0, outstanding: 1, received: 2, peerWindowZero: 3, ownWindowZero: 4, finWait1: 5, finWait2: 6, closing: 7, closeWait: 8, lastAck: 9, timeWait: 10, lossy: 11, withoutOptions: 12, byNeighbor: 13, orphan: 14, synSent: 15, synReceived: 16, halfOpen: 17, acceptable: 18 };

const IN_BURST = 0x80;
const FIELD = { flags: 1, sequence: 2, acknowledgment: 4, window: 8, text: 16, options: 32 };
const FLAGS = { push: 0, fin: 1, syn: 2, synAck: 3, reset: 4, resetAck: 5 };
const TEXT = { one: 0, hundred: 3, full: 7 };
const WAIT = { milliseconds40: 4, milliseconds200: 5, second: 7, minute: 11, hours: 14 };
const AMOUNT = { hundred: 2, thousand: 3, much: 5, more: 6 };

const segment = (peer, fields = {}) => {
  let present = 0;
  const values = [];
  for (const [name, bit] of Object.entries(FIELD)) {
    if (fields[name] === undefined) continue;
    present |= bit;
    values.push(...[fields[name]].flat());
  }
  return [fields.inBurst ? IN_BURST : 0, peer, present, ...values];
};
const open = (port, how = 0) => [5, port, how];
const arpReply = (host, mac) => [6, 0, host, mac];
const icmpError = (peer, code, mtu) => [7, 0, peer, code, mtu >> 8, mtu & 0xff];
const echo = (host) => [8, host, TEXT.hundred];
const datagram = (socket) => [9, socket | 0x50];
const reflect = () => [12, 0];
const answerAll = () => [13];
const wait = (length) => [14, length];
const untilDue = (times) => Array.from({ length: times }, () => 15);
const send = (held, amount) => [18, held, amount];
const read = (held, amount) => [20, held, amount];
const shutdown = (held) => [22, held];
const close = (held) => [23, 0, held];
const abort = (held) => [23, 1, held];
const accept = () => [24];
const connect = (host, how = 0) => [25, how, host];
const sendDatagrams = (socket, host, threes) => [27, socket, host, AMOUNT.hundred, 7, threes];
const readDatagrams = (socket) => [28, socket];
const takeMemory = (rooms) => [29, rooms];
const giveMemoryBack = (rooms) => [30, rooms];

const program = (settings, ...steps) => Buffer.from([settings, EVERYTHING, ...steps.flat()]);

const stackFrames = [
  program(0, shutdown(0), segment(PEER.idle), segment(PEER.idle, { flags: FLAGS.fin }), wait(WAIT.minute)),
  program(0, segment(PEER.idle, { flags: FLAGS.fin }), read(0, AMOUNT.much), shutdown(0), segment(PEER.idle)),
  program(POLITE, segment(PEER.finWait1), segment(PEER.finWait1, { flags: FLAGS.fin }), segment(PEER.closing), segment(PEER.lastAck)),
  program(POLITE, segment(PEER.finWait2, { flags: FLAGS.fin }), segment(PEER.closeWait), segment(PEER.timeWait, { flags: FLAGS.fin }), wait(WAIT.minute)),
  program(0, segment(PEER.idle, { flags: FLAGS.reset }), segment(PEER.outstanding, { flags: FLAGS.resetAck }), segment(PEER.synReceived, { flags: FLAGS.reset })),
  program(0, segment(PEER.synSent, { flags: FLAGS.synAck, options: 0xc6 }), segment(PEER.synReceived), segment(PEER.synReceived, { text: TEXT.full })),
  program(0, segment(PEER.synSent, { flags: FLAGS.resetAck }), segment(PEER.halfOpen), accept(), accept()),
  program(0, open(0, 8), open(1), open(2, 5), accept(), send(16, AMOUNT.much), answerAll(), answerAll(), read(16, AMOUNT.much), close(16)),
  program(0, ...Array.from({ length: 12 }, (_, port) => open(port)), untilDue(8)),
  program(0, send(1, AMOUNT.more), untilDue(4), segment(PEER.outstanding), answerAll(), answerAll()),
  program(0, segment(PEER.lossy, { acknowledgment: 2, options: [2, 2 | (6 << 3), 0x10, 0] }), untilDue(3), segment(PEER.lossy), answerAll()),
  program(0, segment(PEER.received, { text: TEXT.full, inBurst: true }), segment(PEER.received, { sequence: 7 << 3, text: TEXT.full }), read(2, AMOUNT.much)),
  program(0, untilDue(12), segment(PEER.peerWindowZero), answerAll(), untilDue(2)),
  program(0, read(4, AMOUNT.more), segment(PEER.ownWindowZero, { text: TEXT.full }), segment(PEER.ownWindowZero, { text: TEXT.one })),
  program(0, segment(PEER.outstanding, { window: 0 }), send(1, AMOUNT.thousand), untilDue(10), segment(PEER.outstanding)),
  program(0, icmpError(PEER.outstanding, 4, 600), icmpError(PEER.synSent, 3, 0), icmpError(PEER.outstanding, 1, 0), untilDue(6)),
  program(0, echo(2), echo(3), echo(9), datagram(0), datagram(1), datagram(2), datagram(3), readDatagrams(0), readDatagrams(1), readDatagrams(2)),
  program(0, arpReply(4, 4), arpReply(6, 6), sendDatagrams(1, 4, 0), sendDatagrams(0, 20, 10), sendDatagrams(1, 2, 255), wait(WAIT.second), wait(WAIT.second), wait(WAIT.second)),
  program(0, connect(1), accept(), accept(), send(16, AMOUNT.more), read(17, AMOUNT.much), wait(WAIT.second), shutdown(16), close(16), wait(WAIT.minute)),
  program(0, connect(1, 0x31), wait(WAIT.milliseconds200), connect(20), wait(WAIT.minute), abort(16)),
  program(0, segment(PEER.timeWait, { flags: FLAGS.syn, sequence: 6 << 3 }), segment(PEER.timeWait), accept()),
  program(SMALL_MEMORY, takeMemory(255), segment(PEER.idle, { text: TEXT.full }), send(0, AMOUNT.thousand), untilDue(6), giveMemoryBack(255), answerAll(), wait(WAIT.second)),
  program(POLITE | SMALL_MEMORY, takeMemory(200), segment(PEER.received, { text: TEXT.full }), wait(WAIT.hours)),
  program(0, [26, 12, 0xf6, 2], [26, 12, 5, 0], untilDue(10), wait(WAIT.hours)),
  program(0, reflect(), reflect(), segment(PEER.withoutOptions, { text: TEXT.hundred }), reflect(), wait(WAIT.milliseconds40)),
  program(POLITE, segment(PEER.orphan), segment(PEER.orphan, { text: TEXT.one }), [31, 0], [31, 1], [31, 2], open(7, 8), accept()),
];

module.exports = { stack_frames: stackFrames };
