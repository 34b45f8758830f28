// The control region is described twice, in C++ and in TypeScript. Both must say the same.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { Area, Entry, Flag, Header, Spin, Status, Waited } from '../../lib/native/layout';

const header = readFileSync(join(__dirname, '../../addon/binding/control_layout.h'), 'utf8');
const environment = readFileSync(join(__dirname, '../../addon/binding/environment.h'), 'utf8');

/** The constants of the header, computed in order: each is made of numbers and of those before it. */
function constants(): Map<string, number> {
  const known = new Map<string, number>();
  for (const [, name, expression] of header.matchAll(/constexpr u?int32_t k(\w+) = ([^;(]+);/g)) {
    const numbers = expression.replace(/k(\w+)/g, (_, used: string) => String(known.get(used)));
    known.set(name, Function(`return ${numbers}`)() as number);
  }
  return known;
}

describe('the control region', () => {
  const native = constants();

  const expected: Record<string, number> = {
    SubmitCount: Header.SubmitCount,
    Attention: Header.Attention,
    Published: Header.Published,
    Consumed: Header.Consumed,
    StageWindow: Header.StageWindow,
    StageOffset: Header.StageOffset,
    StageEnd: Header.StageEnd,
    ReturnCount: Header.ReturnCount,
    MemoryWaits: Header.MemoryWaits,
    HeaderWords: Header.HeaderWords,
    EntryWords: Area.EntryWords,
    Submissions: Area.Submissions,
    SubmissionEntries: Area.SubmissionEntries,
    Ring: Area.Ring,
    RingEntries: Area.RingEntries,
    Returns: Area.Returns,
    ReturnEntries: Area.ReturnEntries,
    Descriptors: Area.Descriptors,
    Word0: Entry.Word0,
    QueueSlot: Entry.QueueSlot,
    Argument: Entry.Argument,
    Offset: Entry.Offset,
    Sga: Entry.Sga,
    SegmentWindow: Entry.SegmentWindow,
    SegmentOffset: Entry.SegmentOffset,
    SegmentLength: Entry.SegmentLength,
    SegmentCount: Entry.SegmentCount,
    NewQueue: Entry.NewQueue,
    PortAndFamily: Entry.PortAndFamily,
    Scope: Entry.Scope,
    Address: Entry.Address,
    OpcodeMask: 0xff,
    FlagStaged: Flag.Staged,
    FlagSga: Flag.Sga,
    FlagAcknowledged: Flag.Acknowledged,
    FlagDestination: Flag.Destination,
    StatusDone: Status.Done,
    StatusDetails: Status.Details,
    StatusRefused: Status.Refused,
  };

  test('has the same words on both sides', () => {
    expect(Object.fromEntries(native)).toEqual(expected);
  });

  test('holds its descriptors at a multiple of eight bytes', () => {
    expect((Area.Descriptors * 4) % 8).toBe(0);
  });

  test('and the answers of the driver are numbered alike', () => {
    const numbers = (name: string): Record<string, number> => {
      const [, body] = new RegExp(`enum class ${name} : int32_t \\{([^}]*)\\}`).exec(environment) as RegExpExecArray;
      return Object.fromEntries([...body.matchAll(/k(\w+) = (\d+)/g)].map(([, word, value]) => [word, Number(value)]));
    };
    expect(numbers('Spin')).toEqual({ Again: Spin.Again, LetLoopTurn: Spin.LetLoopTurn, Sleep: Spin.Sleep });
    expect(numbers('Waited')).toEqual({ Published: Waited.Published, SliceOver: Waited.SliceOver, Deadlock: Waited.Deadlock });
  });
});
