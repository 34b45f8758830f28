'use strict';

// What a capture of our side of a conversation tells, of ours and of the peer: tshark's expert information, and what follows from the numbers of the
// segments: which of them were sent again, and whether any was beyond the window that its receiver had offered.
//
// The capture must be ours (DEMI_PCAP), taken where frames leave and enter the stack: whatever the stack knew had been captured before it sent, and the
// peer knows only what was captured before its segment. So neither has an excuse for a segment beyond the right edge that is seen here.

const { execFileSync } = require('node:child_process');

const FIELDS = [
  'frame.number', 'frame.time_epoch', 'ip.src', 'tcp.stream', 'tcp.seq', 'tcp.ack', 'tcp.len', 'tcp.flags', 'tcp.window_size', 'tcp.options.sack_le',
  'tcp.checksum.status', 'tcp.checksum', 'tcp.checksum_calculated', 'ip.checksum.status', '_ws.malformed', '_ws.expert.severity', '_ws.expert.message',
];
const SEVERITIES = { 4194304: 'note', 6291456: 'warning', 8388608: 'error' };
const FIN = 1, SYN = 2, RST = 4, ACK = 16;
const BAD = '0';

// Ones' complement has two zeros. A sum with either is good for every receiver (RFC 1071 2), and Linux stores the one when it finishes a checksum for a
// device; tshark wants the other.
const areBothZero = (stored, calculated) => stored === '0xffff' && calculated === '0x0000';

/** a - b of sequence numbers. */
const distance = (a, b) => (a - b) | 0;

function framesOf(file) {
  const fields = FIELDS.flatMap((field) => ['-e', field]);
  // Numbers as they are on the wire; checksums are looked at, because a link may damage what arrives.
  const preferences = ['tcp.relative_sequence_numbers:FALSE', 'tcp.check_checksum:TRUE', 'ip.check_checksum:TRUE'].flatMap((one) => ['-o', one]);
  const args = ['-n', '-r', file, ...preferences, '-T', 'fields', '-E', 'separator=/t', '-E', 'aggregator=|', ...fields];
  const text = execFileSync('tshark', args, { encoding: 'utf8', maxBuffer: 1 << 30, stdio: ['ignore', 'pipe', 'ignore'], timeout: 120_000 });
  return text.split('\n').slice(0, -1).map((line) => {
    const [number, time, from, stream, seq, ack, length, flags, window, sack, tcpStatus, tcpStored, tcpCalculated, ipStatus, malformed, severities, messages] = line.split('\t');
    const experts = severities === '' ? [] : severities.split('|').map((severity, i) => ({ severity: SEVERITIES[severity], message: messages.split('|')[i] }));
    return {
      number: Number(number), ms: Number(time) * 1000, from, stream, seq: Number(seq), ack: Number(ack), flags: Number(flags), window: Number(window),
      // What is in the quoted packet of an ICMP error has numbers, too.
      isTcp: stream !== '' && !stream.includes('|') && length !== '', length: Number(length),
      hasSack: sack !== '',
      isBad: (tcpStatus === BAD && !areBothZero(tcpStored, tcpCalculated)) || ipStatus.split('|')[0] === BAD,
      isMalformed: malformed !== '', experts,
    };
  });
}

/** One direction of one connection: what was sent, and how far it was allowed to. */
class Direction {
  constructor() {
    this.end = undefined; // behind the last byte that was sent
    this.edge = undefined; // the right edge that its receiver has offered last, at the most
    this.window = undefined;
    this.pieces = []; // of the text in the order of their numbers, { begin, end, ms }: when each left last
    this.reported = -Infinity; // when its receiver last told of a hole, or by another SYN that it has no answer
    this.timedOut = -Infinity; // when something was sent again after a wait as long as that of a timeout
    this.hasEnded = false; // a FIN was sent
  }

  offer(ack, window) {
    const edge = (ack + window) >>> 0;
    if (this.edge === undefined || distance(edge, this.edge) > 0) this.edge = edge;
    this.window = window;
  }

  /** What is remarkable about a segment that is sent now. */
  send(frame) {
    const { seq, flags, ms } = frame;
    if ((flags & FIN) !== 0) this.hasEnded = true;
    const length = frame.length + ((flags & SYN) !== 0 ? 1 : 0) + ((flags & FIN) !== 0 ? 1 : 0);
    if (length === 0) return {};
    const end = (seq + length) >>> 0;
    const wasSent = this.end !== undefined && distance(seq, this.end) < 0;
    // A keepalive has a byte that was acknowledged long ago. A FIN may lie beyond the edge: it takes no room.
    const beyond = this.edge !== undefined && (flags & SYN) === 0 ? distance((seq + frame.length) >>> 0, this.edge) : 0;
    const again = wasSent ? this.again(frame, end) : undefined;
    this.note({ begin: seq, end, ms });
    if (this.end === undefined || distance(end, this.end) > 0) this.end = end;
    // RFC 9293 3.8.6.1: a probe of a closed window is one byte.
    const isProbe = this.window === 0 && frame.length <= 1;
    return { again, beyond: beyond > 0 && !isProbe ? beyond : undefined };
  }

  again({ number, seq, ms, length }, end) {
    // Any byte of it: what is sent again may be cut elsewhere (a rescue, RFC 6675 4, is as much as fits before the end).
    const [first, behind] = this.overlapping(seq, end);
    const left = this.pieces.slice(first, behind).reduce((latest, piece) => Math.max(latest, piece.ms), -Infinity);
    const waitedMs = ms - left;
    if (waitedMs >= RTO_MIN_MS) this.timedOut = ms;
    return { number, length, waitedMs, holeWasReported: this.reported > left, hadTimedOut: this.timedOut > left };
  }

  /** The pieces that have a byte from `begin` up to `end`: index of the first, and behind the last. */
  overlapping(begin, end) {
    // Mostly it is one of the last.
    let behind = this.pieces.length;
    while (behind > 0 && distance(this.pieces[behind - 1].begin, end) >= 0) --behind;
    let first = behind;
    while (first > 0 && distance(this.pieces[first - 1].end, begin) > 0) --first;
    return [first, behind];
  }

  /** Takes the place of what was sent there before. */
  note(piece) {
    const [first, behind] = this.overlapping(piece.begin, piece.end);
    const rest = [];
    if (first < behind) {
      const before = { ...this.pieces[first], end: piece.begin };
      const after = { ...this.pieces[behind - 1], begin: piece.end };
      for (const cut of [before, after]) if (distance(cut.end, cut.begin) > 0) rest.push(cut);
    }
    const pieces = [...rest, piece].sort((a, b) => distance(a.begin, b.begin));
    this.pieces.splice(first, behind - first, ...pieces);
  }
}

// Both stacks wait at least 200 ms; what is captured by another clock may look a little shorter.
const RTO_MIN_MS = 190;

/**
 * Reads a capture of the stack whose address is `ours`. Of frames that were damaged on their way nothing else is said, as the stack never looked at
 * them: those that arrived with a wrong checksum, where checksums are finished by then (a TAP interface does not, for there is no wire).
 */
function readCapture(file, ours, { checksumsAreFinished = true } = {}) {
  const frames = framesOf(file);
  const streams = new Map();
  const found = { frames: frames.length, damaged: 0, malformed: [], beyondWindow: [], again: { ours: [], theirs: [] }, resets: [], experts: [] };
  for (const frame of frames) {
    const isOurs = frame.from.split('|')[0] === ours;
    // Ours leave with checksums that the device finishes.
    if (frame.isBad && !isOurs && checksumsAreFinished) {
      ++found.damaged;
      continue;
    }
    if (frame.isMalformed) found.malformed.push(frame.number);
    for (const { severity, message } of frame.experts) {
      if (severity !== undefined && !/checksum/i.test(message)) found.experts.push({ number: frame.number, isOurs, severity, message });
    }
    if (!frame.isTcp) continue;
    if (!streams.has(frame.stream)) streams.set(frame.stream, { ours: new Direction(), theirs: new Direction() });
    const { ours: fromUs, theirs: fromThem } = streams.get(frame.stream);
    const [direction, other] = isOurs ? [fromUs, fromThem] : [fromThem, fromUs];
    // Who has forgotten a connection that both have ended resets what comes late or twice; any other reset has a meaning.
    if ((frame.flags & RST) !== 0) found.resets.push({ number: frame.number, isOurs, isBehindTheEnd: direction.hasEnded && other.hasEnded });
    const { again, beyond } = direction.send(frame);
    if (again !== undefined) found.again[isOurs ? 'ours' : 'theirs'].push(again);
    if (beyond !== undefined) found.beyondWindow.push({ number: frame.number, isOurs, beyond });
    if ((frame.flags & SYN) !== 0) other.reported = frame.ms;
    if ((frame.flags & (ACK | RST)) === ACK) {
      other.offer(frame.ack, frame.window);
      if (frame.hasSack) other.reported = frame.ms;
    }
  }
  return found;
}

module.exports = { readCapture };
