// Environment: the libOSes of this thread, and the driver that lets them make progress while nobody calls.
//
// A call settles by itself what it makes ready. What comes in from outside is found by the event loop (the native side arms its wake-up
// fds and timers before each sleep) or, under traffic, by a spin with manners: a loop of one native call, settling, and one await, which
// lets the event loop have its turn at least every 50 us and ends after 50 us without progress, or after 500 where nobody tells of frames.

import { loadNative, type NativeModule } from '../native/binding';
import { Spin } from '../native/layout';
import type { Engine } from './engine';

const nextTurn = setImmediate;
// Microtasks after which who awaited a token has gone on: two for a token itself, and one for each async function in between.
const CONTINUATION_HOPS = 4;

/** @internal */
export class Environment {
  private engines: readonly Engine[] = [];
  private spinning = false;
  /** An operation has begun to wait since the driver has looked. */
  private hasBegun = false;

  constructor(readonly module: NativeModule) {}

  add(engine: Engine): void {
    this.engines = [...this.engines, engine];
  }

  remove(engine: Engine): void {
    this.engines = this.engines.filter((other) => other !== engine);
  }

  /** Takes the completions of every libOS: what one of them does may complete operations of another. */
  drain(): void {
    for (const engine of this.engines) engine.drain();
  }

  /** Starts the spinning driver, unless it runs. */
  startSpinning(engine: Engine): void {
    this.hasBegun = true;
    if (this.spinning) return;
    this.spinning = true;
    void this.spin(engine);
  }

  // Spinning is for all libOSes of the environment; `engine` is only the one whose native functions are called.
  private async spin(engine: Engine): Promise<void> {
    try {
      // The operation that started this must be in its token before anything completes it.
      await undefined;
      while (!engine.stopped) {
        const next = engine.native.enter();
        const completed = engine.takeCompletions();
        // From here on the event loop wakes the libOSes.
        if (next === Spin.Sleep) return;
        if (next === Spin.LetLoopTurn) {
          await new Promise<void>((resolve) => nextTurn(resolve));
          continue;
        }
        // Who waited for what has completed goes on first, and what that begins leaves with the next round: a round in between would find nothing.
        this.hasBegun = false;
        let hops = completed ? CONTINUATION_HOPS : 1;
        do await undefined;
        while (--hops > 0 && !this.hasBegun);
      }
    } finally {
      this.spinning = false;
    }
    // This libOS has ended; another may still want what it started.
    for (const other of this.engines) if (other.wantsSpin()) this.startSpinning(other);
  }
}

let current: Environment | undefined;

/** The environment of this thread. @internal */
export function environment(): Environment {
  return (current ??= new Environment(loadNative()));
}
