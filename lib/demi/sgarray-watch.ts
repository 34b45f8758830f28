// SgArrayWatch: finds out who forgets to free SgArrays, without a cost while nobody does.

import type { Engine } from './engine';
import type { SgArray } from './sgarray';

// Below this many SgArrays in JavaScript's hands nobody leaks; above, one in 64 is watched.
const WATCH_FROM = 1024;
const WATCH_EVERY = 64;
const NEARLY_ALL = 0.9;

interface Watched {
  readonly id: number;
  readonly madeAt: string;
}

/** @internal */
export class SgArrayWatch {
  /** SgArrays that the application owns. */
  live = 0;
  private made64 = 0;
  private warned = false;
  private readonly watched = new Map<number, Watched>();
  private readonly registry: FinalizationRegistry<Watched>;

  constructor(private readonly engine: Engine) {
    this.registry = new FinalizationRegistry((watched) => this.lost(watched));
  }

  made(sga: SgArray): void {
    if (sga.id !== 0 && ++this.live > WATCH_FROM) this.sample(sga);
  }

  private sample(sga: SgArray): void {
    if (++this.made64 % WATCH_EVERY === 0) this.startWatching(sga);
  }

  gone(sga: SgArray): void {
    if (sga.id === 0) return;
    --this.live;
    if (this.watched.size > 0 && this.watched.delete(sga.id)) this.registry.unregister(sga);
  }

  private startWatching(sga: SgArray): void {
    const stack = new Error().stack ?? '';
    // The frames above are ours; the first that is not is whoever popped or allocated it.
    const madeAt = stack.split('\n').slice(1).find((line) => !line.includes(__dirname))?.trim() ?? 'an unknown place';
    const watched = { id: sga.id, madeAt };
    this.watched.set(sga.id, watched);
    this.registry.register(sga, watched, sga);
    const { bufferBytesAvailable, bufferBytesLimit } = this.engine.native.stats();
    if (bufferBytesAvailable < (1 - NEARLY_ALL) * bufferBytesLimit) this.warn(`${this.live} SgArrays hold nearly all of limits.bufferBytes`);
  }

  // Garbage collected without free(): nobody can give it back any more but us.
  private lost(watched: Watched): void {
    if (!this.watched.delete(watched.id) || this.engine.stopped) return;
    this.warn(`an SgArray was garbage collected without free(); ${this.live} have not been freed`);
  }

  private warn(what: string): void {
    if (this.warned) return;
    this.warned = true;
    const places = new Map<string, number>();
    for (const { madeAt } of this.watched.values()) places.set(madeAt, (places.get(madeAt) ?? 0) + 1);
    const list = [...places].sort((a, b) => b[1] - a[1]).slice(0, 5).map(([place, count]) => `\n  ${count} x ${place}`);
    process.emitWarning(
      `${what} (${this.engine.config.limits.bufferBytes} bytes). Call free() on what demi_pop and demi_sgaalloc give. ` +
        `Of those watched (one in ${WATCH_EVERY}) most came from:${list.join('')}`,
      { type: 'DemiWarning', code: 'DEMI_SGARRAY_LEAK' },
    );
  }
}
