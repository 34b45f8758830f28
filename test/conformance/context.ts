// What the cases share: a libOS per test that must have given everything back at its end, and the few steps that most cases begin with.

import { AF_INET, AF_INET6, DemiError, SOCK_DGRAM, SO_RCVBUF, SO_SNDBUF, SOCK_STREAM, SOL_SOCKET, createLibOS, type LibOS, type LibOSConfig, type Limits, type QToken, type SgArray } from '../../lib';
import { bothEnds } from './ends';

/** What a libOS of the conformance table has, and how much of it. What one cannot do, it says here and nowhere else. */
export interface Capabilities {
  /** The family of the sockets. */
  family: 4 | 6;
  /** An address of this machine that the libOS can bind, and one that it cannot. */
  address: string;
  foreignAddress: string;
  /** Whether there is a network that can fail: EHOSTUNREACH, ENETUNREACH and ENETDOWN. */
  hasNetwork: boolean;
  /** With a network: an address at which nobody is. */
  unreachableAddress?: string;
  /** Whether bytes are on their way for a while, so that the other side hears of what was done only some turns later. */
  deliversLater?: boolean;
  /** And by whom nobody knows when: after so long without a packet, there is none on its way. */
  quietMs?: number;
  /** Bytes of the largest datagram, 65507 unless there is an MTU. */
  largestDatagramBytes?: number;
  /** Whether it knows that nothing but the calling JavaScript could complete an operation. */
  detectsDeadlock: boolean;
  /** Whether a full backlog can be made without a network: connects wait then. */
  fullBacklogWaits: boolean;
  /** The socket buffers to be set where those that a socket begins with hold more than the cases push. */
  bufferBytes?: number;
  /** Bytes of the largest push that is tried. */
  largestPushBytes: number;
  /** Pending tokens that are tried at once, and pushes that nobody collects. */
  mostTokens: number;
  manyPushes: number;
}

/** The libOS that the cases are run on. */
export interface Subject {
  /** The configuration of one that is alone, and talks to itself. */
  makeConfig(): LibOSConfig;
  /** What has two ends has another libOS at each: connections are opened at one and taken at the other. */
  ends?: {
    client: { makeConfig(): LibOSConfig; address: string };
    server: { makeConfig(): LibOSConfig; address: string };
    /** Called when both have been made: plugs in the cable. */
    plug?(): void;
  };
}

export class Context {
  private current: LibOS | undefined;
  // Where connections are taken, and where the next datagram socket is made: the two ends take turns. Without ends, all are the one libOS.
  private server: LibOS | undefined;
  private datagrams = 0;
  private readonly opened: number[] = [];

  constructor(
    private readonly subject: Subject,
    readonly capabilities: Capabilities,
    private readonly checks: boolean,
  ) {}

  /** The libOS of this test; with two ends, what a test sees as one. What is no business of the server is done at the client's end. */
  get os(): LibOS {
    return (this.current ??= this.subject.ends === undefined ? this.create() : this.createEnds(this.subject.ends));
  }

  private createEnds({ client, server, plug }: NonNullable<Subject['ends']>): LibOS {
    const first = this.createFrom(client.makeConfig());
    this.server = this.createFrom(server.makeConfig());
    plug?.();
    return bothEnds(first, this.server);
  }

  get domain(): number {
    return this.capabilities.family === 4 ? AF_INET : AF_INET6;
  }

  /** Makes another libOS of the same kind, which is alone; the caller stops it. */
  create(limits?: Limits): LibOS {
    const config = this.subject.makeConfig();
    return this.createFrom({ ...config, ...(limits === undefined ? {} : { limits: { ...config.limits, ...limits } }) });
  }

  private createFrom(config: LibOSConfig): LibOS {
    const before = process.env['DEMI_CHECK'];
    if (this.checks) process.env['DEMI_CHECK'] = '1';
    else delete process.env['DEMI_CHECK'];
    try {
      return createLibOS(config);
    } finally {
      if (before === undefined) delete process.env['DEMI_CHECK'];
      else process.env['DEMI_CHECK'] = before;
    }
  }

  /** The configuration of such a libOS, for another thread. */
  config(): LibOSConfig {
    return this.subject.makeConfig();
  }

  /** Makes the libOS of this test with limits of its own; it is alone then. */
  limited(limits: Limits): LibOS {
    if (this.current !== undefined) throw new Error('the test has used its libOS already');
    return (this.current = this.create(limits));
  }

  /** Has a descriptor closed at the end of the test, if it is open then. */
  track(qd: number): number {
    this.opened.push(qd);
    return qd;
  }

  /** An endpoint of this machine: of the client's end, if there are two. */
  at(port: number): { address: string; port: number } {
    return { address: this.server === undefined ? this.capabilities.address : this.addressOf('client'), port };
  }

  private addressOf(end: 'client' | 'server'): string {
    return this.subject.ends?.[end].address ?? this.capabilities.address;
  }

  stream(): number {
    return this.track(this.streamOf(this.os));
  }

  /** A stream where connections are taken. */
  serverStream(): number {
    const { os } = this;
    return this.track(this.streamOf(this.server ?? os));
  }

  streamOf(os: LibOS): number {
    const qd = os.socket(this.domain, SOCK_STREAM, 0);
    const { bufferBytes } = this.capabilities;
    if (bufferBytes === undefined) return qd;
    for (const name of [SO_SNDBUF, SO_RCVBUF]) os.setsockopt(qd, SOL_SOCKET, name, bufferBytes);
    return qd;
  }

  datagram(bound = true): number {
    const { os } = this;
    const atServer = this.server !== undefined && this.datagrams++ % 2 === 1;
    const qd = this.track((atServer ? (this.server as LibOS) : os).socket(this.domain, SOCK_DGRAM, 0));
    if (bound) os.bind(qd, atServer ? { address: this.addressOf('server'), port: 0 } : this.at(0));
    return qd;
  }

  queue(capacity?: number): number {
    return this.track(this.os.queue(capacity));
  }

  listener(backlog = 16): number {
    const qd = this.serverStream();
    this.os.bind(qd, this.server === undefined ? this.at(0) : { address: this.addressOf('server'), port: 0 });
    this.os.listen(qd, backlog);
    return qd;
  }

  /** A connection: both ends. */
  async pair(): Promise<[client: number, server: number]> {
    const listener = this.listener();
    const client = this.stream();
    const accepting = this.os.accept(listener);
    await this.os.connect(client, this.os.getsockname(listener));
    const { newQd } = await accepting;
    await this.os.close(listener);
    return [client, this.track(newQd)];
  }

  /** Pops until so many bytes have come, or the end. */
  async read(qd: number, bytes: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let left = bytes;
    while (left > 0) {
      const { sga } = await this.os.pop(qd, left);
      const part = sga.toBuffer();
      sga.free();
      if (part.length === 0) break;
      parts.push(part);
      left -= part.length;
    }
    return Buffer.concat(parts);
  }

  async readText(qd: number): Promise<string> {
    const { sga } = await this.os.pop(qd);
    const text = sga.toBuffer().toString();
    sga.free();
    return text;
  }

  /** Lets what is on its way arrive, and its answer, where that takes some turns of the loop. */
  async delivered(): Promise<void> {
    const { deliversLater, quietMs } = this.capabilities;
    if (!deliversLater) return;
    const moved = (): unknown => JSON.stringify(this.os.stats().network?.stack);
    for (let before: unknown; ; ) {
      for (let turn = 0; turn < 10; ++turn) await nextTurn();
      if (quietMs === undefined || before === moved()) return;
      before = moved();
      await new Promise((resolve) => setTimeout(resolve, quietMs));
    }
  }

  /** Ends the test: what it opened is closed, and then nothing may be left. */
  async end(): Promise<void> {
    const os = this.current;
    if (os === undefined) return;
    try {
      for (const qd of this.opened) {
        try {
          await os.close(qd);
        } catch (error) {
          if (!(error instanceof DemiError) || error.code !== 'EBADF') throw error;
        }
      }
      if (this.capabilities.deliversLater) await eventually(() => os.stats().buffers === 0 && os.stats().closing === 0);
      const { buffers, tokensPending, tokensUncollected, queues, closing, sgArrays } = os.stats();
      const nothing = { buffers: 0, tokensPending: 0, tokensUncollected: 0, queues: 0, closing: 0, sgArrays: 0 };
      expect({ buffers, tokensPending, tokensUncollected, queues, closing, sgArrays }).toEqual(nothing);
      expect(os.pending()).toEqual([]);
    } finally {
      this.opened.length = 0;
      this.current = undefined;
      this.server = undefined;
      this.datagrams = 0;
      await os.stop();
    }
  }
}

/** The error that a call throws. */
export function thrownBy(call: () => unknown): Error {
  try {
    call();
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** The call throws that code, and its message has these words. */
export function refuses(call: () => unknown, code: string, ...words: string[]): void {
  const error = thrownBy(call);
  if (code === 'TypeError') {
    expect(error).toBeInstanceOf(TypeError);
  } else {
    if (!(error instanceof DemiError)) throw error;
    expect(error.code).toBe(code);
  }
  for (const word of words) expect(error.message).toContain(word);
}

/** Awaiting the token rejects with that code. */
export async function fails(qt: QToken, code: string): Promise<DemiError> {
  const error: unknown = await qt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error === undefined) throw new Error(`the ${qt.opcode} succeeded; ${code} was expected`);
  if (!(error instanceof DemiError)) throw error;
  expect(error.code).toBe(code);
  return error;
}

/** The text of what a pop came to, which is freed. */
export function textOf(result: unknown): string {
  const { sga } = result as { sga?: SgArray };
  if (sga === undefined) throw new Error('it is no pop');
  const text = sga.toBuffer().toString();
  sga.free();
  return text;
}

/** Bytes of which every stretch is different. */
export function pattern(length: number, seed = 1): Uint8Array {
  const words = new Uint32Array((length + 3) >> 2);
  // A look-up of a global is slow where tests run.
  const { imul } = Math;
  for (let i = 0, x = seed | 1; i < words.length; ++i) words[i] = x = (imul(x, 1664525) + 1013904223) | 0;
  return new Uint8Array(words.buffer, 0, length);
}

/** Asynchronous tokens of any result are accepted where only their end matters. */
export const any = (qt: unknown): QToken => qt as QToken;

/** Lets the event loop turn until something is so; a bounded number of times, and then the test finds that it is not. */
export async function eventually(isSo: () => boolean): Promise<void> {
  const end = Date.now() + 2000;
  while (!isSo() && Date.now() < end) await nextTurn();
}

export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
