// CompletedTokens: the finished tokens that nobody has claimed, in the order in which they finished, for wait_next_n.
//
// Every operation comes by here, so adding is one store into a page that is young (the garbage collector need not hear of it). Which of
// the tokens have been collected meanwhile is looked at when somebody asks, or a page is full.

import { TokenState, type QToken } from './token';

const PAGE_TOKENS = 1024;

/** @internal */
export class CompletedTokens {
  private page: QToken[] = new Array<QToken>(PAGE_TOKENS);
  private count = 0;
  /** The page before, which is full, or empty. */
  private previous: QToken[] = [];
  /** Older ones, whose results must not be lost. */
  private kept: QToken[] = [];
  private sweepAt = PAGE_TOKENS;
  // What lies before these places in `kept`, `previous` and `page` was collected.
  private keptFrom = 0;
  private previousFrom = 0;
  private pageFrom = 0;

  /** @param held - how many finished tokens hold a result, without this one. */
  add(token: QToken, held: number): void {
    this.page[this.count] = token;
    if (++this.count === PAGE_TOKENS) this.turnPage(held);
  }

  // Pops and accepts are kept until they are collected. Of the others the last 1024 are remembered, at least: so pushes that nobody waits
  // for hold nothing for long.
  private turnPage(held: number): void {
    if (held > 0) for (const token of this.previous) if (token.state === TokenState.Done && token.holds) this.kept.push(token);
    if (this.kept.length >= this.sweepAt) {
      this.kept = this.kept.filter((token) => token.state === TokenState.Done);
      this.keptFrom = 0;
      this.sweepAt = Math.max(PAGE_TOKENS, 2 * this.kept.length);
    }
    this.previous = this.page;
    this.previousFrom = this.pageFrom;
    this.page = new Array<QToken>(PAGE_TOKENS);
    this.count = this.pageFrom = 0;
  }

  /** The next one, or undefined. */
  next(): QToken | undefined {
    this.keptFrom = nextDone(this.kept, this.keptFrom, this.kept.length);
    if (this.keptFrom < this.kept.length) return this.kept[this.keptFrom];
    this.kept.length = this.keptFrom = 0;
    this.previousFrom = nextDone(this.previous, this.previousFrom, this.previous.length);
    if (this.previousFrom < this.previous.length) return this.previous[this.previousFrom];
    this.previous.length = this.previousFrom = 0;
    this.pageFrom = nextDone(this.page, this.pageFrom, this.count);
    return this.pageFrom < this.count ? this.page[this.pageFrom] : undefined;
  }

  /** How many there are, counted up to `enough`. */
  countUpTo(enough: number): number {
    let found = 0;
    const count = (tokens: readonly QToken[], from: number, end: number): void => {
      for (let i = from; i < end && found < enough; ++i) if (tokens[i].state === TokenState.Done) ++found;
    };
    count(this.kept, this.keptFrom, this.kept.length);
    count(this.previous, this.previousFrom, this.previous.length);
    count(this.page, this.pageFrom, this.count);
    return found;
  }

  /** How many tokens are held on to; for tests. */
  get size(): number {
    return this.kept.length + this.previous.length + this.count;
  }
}

function nextDone(tokens: readonly QToken[], from: number, end: number): number {
  while (from < end && tokens[from].state !== TokenState.Done) ++from;
  return from;
}
