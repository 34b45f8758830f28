// What operations come to, and the options that every operation takes.

import type { Endpoint } from '../core/endpoint';
import type { DemiError } from '../core/errors';
import type { SgArray } from './sgarray';
import type { QToken } from './token';

/** What a push came to: its bytes are accepted. */
export interface PushResult {
  opcode: 'push';
  /** The queue that was pushed to. */
  qd: number;
  /** The token of this push. */
  qt: QToken<PushResult>;
}

/** What a pop came to. */
export interface PopResult {
  opcode: 'pop';
  /** The queue that was popped. */
  qd: number;
  /** The token of this pop. */
  qt: QToken<PopResult>;
  /** The bytes, the caller's own. Of length zero at the end of a stream or a memory queue; a datagram may be empty too. */
  sga: SgArray;
  /** Where a datagram came from. */
  from?: Endpoint;
}

/** What an accept came to: a connection. */
export interface AcceptResult {
  opcode: 'accept';
  /** The queue that listens. */
  qd: number;
  /** The token of this accept. */
  qt: QToken<AcceptResult>;
  /** The connection. */
  newQd: number;
  /** The peer. */
  addr: Endpoint;
}

/** What a connect came to: the connection is established. */
export interface ConnectResult {
  opcode: 'connect';
  /** The queue that is connected now. */
  qd: number;
  /** The token of this connect. */
  qt: QToken<ConnectResult>;
}

/** What a close came to: the descriptor is released. */
export interface CloseResult {
  opcode: 'close';
  /** The descriptor that was closed; it names nothing any more. */
  qd: number;
  /** The token of this close. */
  qt: QToken<CloseResult>;
}

/** What a shutdown came to. */
export interface ShutdownResult {
  opcode: 'shutdown';
  /** The queue that was shut down. */
  qd: number;
  /** The token of this shutdown. */
  qt: QToken<ShutdownResult>;
}

/** What an operation came to when it succeeded. */
export type Success = PushResult | PopResult | AcceptResult | ConnectResult | CloseResult | ShutdownResult;

/** What an operation came to when the peer, the network, time or a cancellation ended it. Awaiting its token rejects with `error`. */
export interface FailedResult {
  opcode: 'failed';
  /** The queue that the operation was on. */
  qd: number;
  /** The token of the operation. */
  qt: QToken;
  /** Why it failed. */
  error: DemiError;
}

/** Options of every operation; times in milliseconds. The earlier of `timeout` and `deadline` counts. */
export interface OperationOptions {
  /** Cancels the operation when it is aborted: awaiting rejects with `signal.reason`. */
  signal?: AbortSignal;
  /** The operation fails with `ETIMEDOUT` this many milliseconds from now. */
  timeout?: number;
  /** The operation fails with `ETIMEDOUT` at this time on {@link LibOS.now}. */
  deadline?: number;
}

/** Options of a push. */
export interface PushOptions extends OperationOptions {
  /** When the push completes: when the send buffer has taken all bytes (`'accepted'`, the default), or when the peer has acknowledged them. */
  completion?: 'accepted' | 'acked';
}
