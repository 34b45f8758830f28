// The async iterators of a libOS. They are written out and are no async generators, because leaving a loop must cancel the operation
// that is pending, and a generator only listens between two of its steps.

import type { Endpoint } from '../core/endpoint';
import type { AcceptResult, OperationOptions, PopResult } from './results';
import { SgArray } from './sgarray';
import type { QToken } from './token';

/** What `datagrams` yields. */
export interface ReceivedDatagram {
  /** The payload; freed at the next step unless it was moved. */
  sga: SgArray;
  /** Where it came from. */
  from: Endpoint;
}

/** What the iterators need of a libOS. @internal */
export interface Source {
  pop(qd: number, options?: OperationOptions): QToken<PopResult>;
  accept(qd: number, options?: OperationOptions): QToken<AcceptResult>;
  cancel(qt: QToken): void;
}

const END = { done: true, value: undefined } as const;

abstract class QueueIterator<R extends PopResult | AcceptResult, V> implements AsyncIterableIterator<V> {
  private readonly pending = new Set<QToken<R>>();
  private ended = false;

  constructor(protected readonly source: Source) {}

  protected abstract start(): QToken<R>;
  /** What the loop gets; undefined at the end of the stream. */
  protected abstract value(result: R): V | undefined;
  /** The loop asks for the next one, or has left. */
  protected step(): void {}
  /** A result that came after the loop had left. */
  protected abstract discard(result: R): void;

  async next(): Promise<IteratorResult<V>> {
    this.step();
    if (this.ended) return END;
    let qt: QToken<R> | undefined;
    try {
      qt = this.start();
      this.pending.add(qt);
      const result = await qt;
      if (this.ended) {
        this.discard(result);
        return END;
      }
      const value = this.value(result);
      if (value !== undefined) return { done: false, value };
      this.ended = true;
      return END;
    } catch (error) {
      // What leaving the loop has cancelled is no failure of the loop.
      if (this.ended) return END;
      this.ended = true;
      throw error;
    } finally {
      if (qt !== undefined) this.pending.delete(qt);
    }
  }

  return(): Promise<IteratorResult<V>> {
    this.ended = true;
    this.step();
    for (const qt of this.pending) this.source.cancel(qt as unknown as QToken);
    return Promise.resolve(END);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}

abstract class PopIterator<V> extends QueueIterator<PopResult, V> {
  /** More than one only if the loop did not wait for each before it asked for the next. */
  private held: SgArray[] = [];

  constructor(
    source: Source,
    private readonly qd: number,
    private readonly options: OperationOptions | undefined,
  ) {
    super(source);
  }

  protected start(): QToken<PopResult> {
    return this.source.pop(this.qd, this.options);
  }

  protected hold(sga: SgArray): void {
    this.held.push(sga);
  }

  protected override step(): void {
    for (const sga of this.held) sga.free();
    this.held.length = 0;
  }

  protected discard({ sga }: PopResult): void {
    sga.free();
  }
}

/** `os.pops()`. @internal */
export class StreamIterator extends PopIterator<SgArray> {
  protected value({ sga }: PopResult): SgArray | undefined {
    this.hold(sga);
    if (sga.byteLength > 0) return sga;
    this.step();
    return undefined;
  }
}

/** `os.datagrams()`. @internal */
export class DatagramIterator extends PopIterator<ReceivedDatagram> {
  protected value({ sga, from }: PopResult): ReceivedDatagram | undefined {
    this.hold(sga);
    if (from !== undefined) return { sga, from };
    this.step();
    return undefined;
  }
}

/** `os.accepts()`. @internal */
export class AcceptIterator extends QueueIterator<AcceptResult, AcceptResult> {
  constructor(
    source: Source & { close(qd: number): QToken },
    private readonly qd: number,
    private readonly options: OperationOptions | undefined,
  ) {
    super(source);
  }

  protected start(): QToken<AcceptResult> {
    return this.source.accept(this.qd, this.options);
  }

  protected value(result: AcceptResult): AcceptResult {
    return result;
  }

  // Nobody will ever know of this connection.
  protected discard({ newQd }: AcceptResult): void {
    (this.source as Source & { close(qd: number): QToken }).close(newQd);
  }
}
