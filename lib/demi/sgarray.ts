// SgArray: bytes in pieces, in memory of a libOS. The views are made on demand, over windows of the native slab.

import { DemiError } from '../core/errors';
import { invalidType, invalidValue } from '../core/arguments';
import type { Engine } from './engine';

/** @internal */
export const enum SgaState {
  Live = 0,
  Moved = 1,
  Freed = 2,
}

/**
 * A scatter-gather array: bytes in one or several pieces, in memory of the libOS that made it. `demi_sgaalloc` and pops give one to the
 * caller, who owns it until it is pushed (which moves it away) or freed.
 *
 * A `Uint8Array` taken from {@link SgArray.segments} shows the bytes themselves. Keep none beyond the SgArray: once it is moved or freed
 * such a view shows what others put there, and writing to it spoils their data. {@link SgArray.toBuffer} is the safe way out.
 *
 * @example
 * ```ts
 * import { demi_push, demi_queue, demi_sgaalloc } from 'demi-io';
 *
 * const qd = demi_queue();
 * const sga = demi_sgaalloc(5);
 * sga.segments[0].set([104, 101, 108, 108, 111]);
 * demi_push(qd, sga); // moved: sga is empty from here on
 * ```
 */
export class SgArray {
  /** @internal */
  readonly engine: Engine;
  /** What native code knows it by; 0 if it has no bytes, and so nothing to be given back. @internal */
  readonly id: number;
  /** @internal */
  readonly bytes: number;
  /** The first segment. @internal */
  readonly window: number;
  /** @internal */
  readonly offset: number;
  /** @internal */
  readonly length: number;
  /** @internal */
  readonly count: number;
  /** @internal */
  state: SgaState;
  /** @internal */
  views: Uint8Array[] | undefined;

  /** @internal */
  constructor(engine: Engine, id: number, bytes: number, window: number, offset: number, length: number, count: number) {
    this.engine = engine;
    this.id = id;
    this.bytes = bytes;
    this.window = window;
    this.offset = offset;
    this.length = length;
    this.count = count;
    this.state = SgaState.Live;
    this.views = undefined;
  }

  /**
   * How many bytes there are in all.
   *
   * @throws {@link DemiError} `EINVAL` if it was moved or freed.
   */
  get byteLength(): number {
    this.requireLive('byteLength');
    return this.bytes;
  }

  /**
   * The pieces, in order; none is empty. The array and the views are made at the first call. The bytes may be read and written. Whoever
   * transfers the ArrayBuffer of one away (`postMessage`, a byte stream) asks for `segments` again: others may have been in it.
   *
   * @throws {@link DemiError} `EINVAL` if it was moved or freed.
   */
  get segments(): Uint8Array[] {
    this.requireLive('segments');
    const views = this.views;
    // A view is detached, and so empty, when somebody transferred its ArrayBuffer: then it is made again.
    if (views !== undefined && (views.length === 0 || views.every((view) => view.length > 0))) return views;
    return (this.views = this.makeViews());
  }

  /**
   * Copies all bytes into a new Buffer.
   *
   * @throws {@link DemiError} `EINVAL` if it was moved or freed.
   */
  toBuffer(): Buffer {
    this.requireLive('toBuffer');
    const copy = Buffer.allocUnsafe(this.bytes);
    let at = 0;
    for (const segment of this.segments) {
      copy.set(segment, at);
      at += segment.length;
    }
    return copy;
  }

  /**
   * Makes another SgArray over the same bytes, which the caller owns as well; nothing is copied.
   *
   * @throws {@link DemiError} `EINVAL` if it was moved or freed; `ENOMEM` if the libOS can have no more SgArrays.
   */
  clone(): SgArray {
    this.requireLive('clone');
    this.writeBack();
    return this.engine.sgaFrom('clone', this.engine.native.sgaClone(this.id));
  }

  /**
   * Makes another SgArray over a part of the same bytes, from `begin` up to and without `end`; nothing is copied.
   *
   * @param begin - 0 by default.
   * @param end - `byteLength` by default.
   * @throws {@link DemiError} `EINVAL` if it was moved or freed, or if not 0 <= begin <= end <= byteLength; `ENOMEM` as for clone().
   */
  slice(begin = 0, end = this.byteLength): SgArray {
    this.requireLive('slice');
    for (const [name, value] of [['begin', begin], ['end', end]] as const) {
      if (typeof value !== 'number') throw invalidType(name, value, 'a number of bytes', 'slice');
      if (!Number.isInteger(value) || value < 0 || value > this.bytes) {
        throw invalidValue(name, value, `an integer from 0 to byteLength (${this.bytes})`, 'slice');
      }
    }
    if (begin > end) throw invalidValue('begin', begin, `not greater than end (${end})`, 'slice');
    this.writeBack();
    return this.engine.sgaFrom('slice', this.engine.native.sgaSlice(this.id, begin, end));
  }

  /** Gives the memory back. Freeing twice, or after it was moved, does nothing; one without bytes, as at the end of a stream, need not be freed. */
  free(): void {
    if (this.state !== SgaState.Live) return;
    this.state = SgaState.Freed;
    this.forgetViews();
    this.engine.returnSga(this);
  }

  /** As {@link SgArray.free}. */
  [Symbol.dispose](): void {
    this.free();
  }

  /** A push is about to take it; false if it is not there to be taken. Then moved() or unclaim() is called. @internal */
  claim(): boolean {
    if (this.state !== SgaState.Live || this.engine.stopped) return false;
    this.state = SgaState.Moved;
    return true;
  }

  /** The push was refused: nothing has happened. @internal */
  unclaim(): void {
    this.state = SgaState.Live;
  }

  /** Called when a push has taken it. @internal */
  moved(): void {
    this.state = SgaState.Moved;
    this.forgetViews();
    this.engine.sgaGone(this);
  }

  /** Called before native code reads the bytes. @internal */
  writeBack(): void {}

  /** @internal */
  protected forgetViews(): void {
    this.views = undefined;
  }

  /** Where the pieces are, as views over the slab. @internal */
  protected makeViews(): Uint8Array[] {
    if (this.count === 0) return [];
    const { engine } = this;
    if (this.count === 1) return [new Uint8Array(engine.window(this.window), this.offset, this.length)];
    const triples = engine.native.sgaSegments(this.id);
    if (typeof triples === 'number') throw DemiError.fromErrno(triples, 'segments');
    const views: Uint8Array[] = [];
    for (let i = 0; i < triples.length; i += 3) {
      views.push(new Uint8Array(engine.window(triples[i]), triples[i + 1], triples[i + 2]));
    }
    return views;
  }

  /** @internal */
  requireLive(member: string): void {
    if (this.state === SgaState.Live && !this.engine.stopped) return;
    throw new DemiError('EINVAL', member, { detail: this.whyNotLive() });
  }

  /** @internal */
  whyNotLive(): string {
    if (this.state === SgaState.Moved) return 'the SgArray was moved: a push has taken it; clone() it first to keep the bytes';
    if (this.state === SgaState.Freed) return 'the SgArray was freed';
    return 'the libOS of the SgArray was stopped, which freed it';
  }
}

/**
 * What `DEMI_CHECK=1` makes of an SgArray: its bytes are in an ArrayBuffer of its own, which is detached when it is moved or freed. So
 * a view that was kept too long is empty from then on, where without the check it would show the bytes of somebody else.
 *
 * @internal
 */
export class CheckedSgArray extends SgArray {
  private own: ArrayBuffer | undefined;

  protected override makeViews(): Uint8Array[] {
    const slab = super.makeViews();
    this.own = new ArrayBuffer(this.bytes);
    let at = 0;
    return slab.map((view) => {
      const copy = new Uint8Array(this.own as ArrayBuffer, at, view.length);
      copy.set(view);
      at += view.length;
      return copy;
    });
  }

  override writeBack(): void {
    const { views } = this;
    if (views === undefined) return;
    super.makeViews().forEach((slab, i) => {
      // A view that the caller has transferred away is empty, and its bytes are the caller's.
      if (views[i].length === slab.length) slab.set(views[i]);
    });
  }

  protected override forgetViews(): void {
    const { own } = this;
    this.views = this.own = undefined;
    if (own !== undefined && own.byteLength > 0) structuredClone(own, { transfer: [own] });
  }
}
