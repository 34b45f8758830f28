// A native libOS made of a script: unit tests decide what native code would have done.

import type { NativeLibOS, NativeModule } from '../../../lib/native/binding';
import { Area, Entry, Header, Spin, Status, Waited } from '../../../lib/native/layout';

export const QUEUES = 16;

export class FakeNative {
  readonly control = new ArrayBuffer(Area.Descriptors * 4 + QUEUES * 8);
  readonly words = new Int32Array(this.control, 0, Area.Descriptors);
  readonly descriptors = new Float64Array(this.control, Area.Descriptors * 4, QUEUES);
  readonly calls: string[] = [];
  /** What submit() does with each entry; by default every operation stays pending in slot 0, 1, ... */
  onSubmit: (entry: number) => number = () => this.nextSlot++;
  onEnter: () => Spin = () => Spin.Sleep;
  onWait: () => Waited = () => Waited.Deadlock;
  onFlush: () => void = () => {};
  nextSlot = 0;
  clock = 1000;
  slabs: ArrayBuffer[] = [new ArrayBuffer(4096)];
  private published = 0;

  /** Opens a descriptor, as socket() and queue() do. */
  open(slot: number, qd = slot + 2 ** 20): number {
    this.descriptors[slot] = qd;
    return qd;
  }

  /** Puts a completion into the ring. */
  complete(slot: number, errno = 0): void {
    const entry = Area.Ring + (this.published % Area.RingEntries) * Area.EntryWords;
    this.words.fill(0, entry, entry + Area.EntryWords);
    this.words[entry] = slot;
    this.words[entry + Entry.QueueSlot] = errno;
    this.words[Header.Published] = ++this.published;
    this.words[Header.Attention] = 1;
  }

  /** Makes a submission entry the result of a pop with so many bytes of the first slab. */
  popped(entry: number, id: number, length: number): number {
    this.words.fill(0, entry + 1, entry + Area.EntryWords);
    this.words[entry + Entry.Sga] = id;
    this.words[entry + Entry.Argument] = length;
    this.words[entry + Entry.SegmentLength] = length;
    this.words[entry + Entry.SegmentCount] = length > 0 ? 1 : 0;
    return Status.Details;
  }

  module(): NativeModule {
    return { create: () => this.functions(), liveEnvironments: () => 1 };
  }

  functions(): NativeLibOS {
    const called = <T>(name: string, result: () => T) => (): T => {
      this.calls.push(name);
      return result();
    };
    const none = called('other', () => 0);
    return {
      control: this.control,
      isWorthSpinning: false,
      submit: () => {
        this.calls.push('submit');
        for (let i = 0; i < this.words[Header.SubmitCount]; ++i) {
          const entry = Area.Submissions + i * Area.EntryWords;
          this.words[entry] = this.onSubmit(entry);
        }
      },
      cancel: (slot) => {
        this.calls.push(`cancel ${slot}`);
        this.complete(slot, 125);
        return 0;
      },
      setDeadline: (slot, due) => {
        this.calls.push(`deadline ${slot} ${due}`);
        return 0;
      },
      flush: called('flush', () => {
        this.onFlush();
        return 0;
      }),
      enter: called('enter', () => this.onEnter()),
      waitSlice: called('waitSlice', () => this.onWait()),
      now: () => this.clock,
      window: (index) => this.slabs[index],
      stage: called('stage', () => false),
      stats: () => ({ bufferBytesAvailable: 1, bufferBytesLimit: 1 }) as never,
      pending: () => [],
      sgaSegments: () => new Uint32Array(),
      socket: none, queue: none, createPipe: none, openPipe: none, bind: none, listen: none, endpoint: none, setOption: none,
      getOption: none, setTextOption: none, textOption: none, tcpInfo: none, pushBytes: called('pushBytes', () => this.nextSlot++), stop: () => Status.Done, destroy: called('destroy', () => 0),
      setReferenced: none, sgaAllocate: none, sgaClone: none, sgaSlice: none, flowQueue: none,
    };
  }
}
