// AbortWatch: which operations an AbortSignal ends. A signal has one listener, however many operations it was given to: ten would make
// Node warn of a leak. The listener goes with the last of them, so that a signal may live as long as the program.

import type { QToken } from './token';

/** Why a signal was aborted. @internal */
export interface Abortion {
  readonly reason: unknown;
}

interface WatchedSignal {
  readonly signal: AbortSignal;
  readonly listener: () => void;
  readonly tokens: Set<QToken>;
  abortion: Abortion | undefined;
}

/** @internal */
export class AbortWatch {
  private readonly signals = new Map<AbortSignal, WatchedSignal>();
  private readonly watched = new Map<QToken, WatchedSignal>();

  /**
   * @param takeCompletions - ends what has finished before the signal was aborted.
   * @param cancel - ends an operation that has not.
   */
  constructor(
    private readonly takeCompletions: () => void,
    private readonly cancel: (token: QToken) => void,
  ) {}

  /** How many operations are watched. */
  get size(): number {
    return this.watched.size;
  }

  /** Has the operation, which is pending, cancelled when the signal is aborted. */
  add(token: QToken, signal: AbortSignal): void {
    const known = this.signals.get(signal) ?? this.listenTo(signal);
    known.tokens.add(token);
    this.watched.set(token, known);
  }

  private listenTo(signal: AbortSignal): WatchedSignal {
    const added: WatchedSignal = { signal, listener: () => this.aborted(added), tokens: new Set(), abortion: undefined };
    signal.addEventListener('abort', added.listener);
    this.signals.set(signal, added);
    return added;
  }

  private aborted(watched: WatchedSignal): void {
    this.takeCompletions();
    watched.abortion = { reason: watched.signal.reason as unknown };
    for (const token of [...watched.tokens]) this.cancel(token);
  }

  /** The operation has ended; returns why, if its signal was aborted before. */
  end(token: QToken): Abortion | undefined {
    const ended = this.watched.get(token);
    if (ended === undefined) return undefined;
    this.watched.delete(token);
    ended.tokens.delete(token);
    if (ended.tokens.size === 0) {
      this.signals.delete(ended.signal);
      ended.signal.removeEventListener('abort', ended.listener);
    }
    return ended.abortion;
  }
}
