// The control region, through which TypeScript and one native libOS talk: word indices, and the values in them.
// addon/binding/control_layout.h says the same in C++ and explains each word; a unit test compares the two.

/** Words of the header. */
export const enum Header {
  SubmitCount = 0,
  Attention = 1,
  Published = 2,
  Consumed = 3,
  StageWindow = 4,
  StageOffset = 5,
  StageEnd = 6,
  ReturnCount = 7,
  MemoryWaits = 8,
  HeaderWords = 16,
}

/** Areas, in 32-bit words from the start, and how many entries they have. */
export const enum Area {
  EntryWords = 16,
  Submissions = 16,
  SubmissionEntries = 256,
  Ring = 4112,
  RingEntries = 1024,
  Returns = 20496,
  ReturnEntries = 1024,
  Descriptors = 21520,
}

/** Words of an entry of the submissions or of the completion ring. */
export const enum Entry {
  Word0 = 0,
  QueueSlot = 1,
  Argument = 2,
  Offset = 3,
  Sga = 4,
  SegmentWindow = 5,
  SegmentOffset = 6,
  SegmentLength = 7,
  SegmentCount = 8,
  NewQueue = 9,
  PortAndFamily = 10,
  Scope = 11,
  Address = 12,
}

/** What stands beside the opcode in the first word of a submission. */
export const enum Flag {
  Staged = 0x100,
  Sga = 0x200,
  Acknowledged = 0x400,
  Destination = 0x800,
}

/** The first word of a submission after the call: a slot (>= 0) while the operation is pending, or one of these. */
export const enum Status {
  Done = -1,
  Details = -2,
  /** This less the errno: the call was refused. */
  Refused = -3,
}

/** What `enter()` tells a spinning driver to do next. */
export const enum Spin {
  Again = 0,
  LetLoopTurn = 1,
  Sleep = 2,
}

/** Why `waitSlice()` came back. */
export const enum Waited {
  Published = 0,
  SliceOver = 1,
  Deadlock = 2,
}

/** The low bits of a queue descriptor are its slot in the native table. */
export const SLOT_MASK = 0xfffff;
/** The slot that a queue descriptor names; also what is no number has one, whose descriptor it is not. */
export function slotBits(qd: number): number {
  return typeof qd === 'number' ? qd & SLOT_MASK : 0;
}
/** A queue descriptor divided by this is the number of its libOS. */
export const LIBOS_UNIT = 2 ** 40;
