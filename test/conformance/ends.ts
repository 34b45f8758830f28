// Two libOSes that see each other, as one: the cases are written for a libOS that talks to itself, and run unchanged where its connections have
// one end here and one there. A call goes to the libOS of its descriptor, or of its token; all others go to the client's.

import type { LibOS, LibOSStats, QToken } from '../../lib';
import { LIBOS_UNIT } from '../../lib/native/layout';

const numberOf = (qd: unknown): number => (typeof qd === 'number' ? Math.floor(qd / LIBOS_UNIT) : -1);

type Call = (...args: unknown[]) => unknown;

class Ends {
  private readonly serverNumber: number;

  constructor(
    private readonly client: LibOS,
    private readonly server: LibOS,
  ) {
    const qd = server.queue();
    this.serverNumber = numberOf(qd);
    server.wait(server.close(qd));
  }

  private ownerOf(qd: unknown): LibOS {
    return numberOf(qd) === this.serverNumber ? this.server : this.client;
  }

  private ownerOfToken(qt: unknown): LibOS {
    return this.ownerOf((qt as QToken | undefined | null)?.qd);
  }

  /** The calls that are not simply the client's. */
  calls(whole: LibOS): Record<string, Call> {
    const calls: Record<string, Call> = {
      waitAny: (qts, ...rest) => this.togetherOn(qts).waitAny(qts as QToken[], ...(rest as [])),
      waitAll: (qts, ...rest) => this.togetherOn(qts).waitAll(qts as QToken[], ...(rest as [])),
      submit: (batch) => this.submit(batch),
      stats: () => this.stats(),
      pending: () => [...this.client.pending(), ...this.server.pending()],
      ref: () => (this.client.ref(), this.server.ref(), whole),
      unref: () => (this.client.unref(), this.server.unref(), whole),
      stop: (...options) => Promise.all([this.client, this.server].map((os) => os.stop(...(options as [])))),
    };
    const ofDescriptor = [
      'bind', 'listen', 'setsockopt', 'getsockopt', 'getsockname', 'getpeername', 'accept', 'connect', 'push', 'pushto', 'pop', 'shutdown', 'close', 'accepts',
      'pops', 'datagrams',
    ] as const;
    for (const name of ofDescriptor) calls[name] = (qd, ...rest) => (this.ownerOf(qd)[name] as Call)(qd, ...rest);
    for (const name of ['wait', 'cancel'] as const) calls[name] = (qt, ...rest) => (this.ownerOfToken(qt)[name] as Call)(qt, ...rest);
    return calls;
  }

  private togetherOn(qts: unknown): LibOS {
    const [owner = this.client, ...more] = new Set(Array.isArray(qts) ? qts.map((qt) => this.ownerOfToken(qt)) : []);
    if (more.length > 0) throw new Error('a case waits for tokens of both ends in one call, which no program can');
    return owner;
  }

  /** Each end gets its part, in order. What is no batch is the client's to refuse. */
  private submit(batch: unknown): unknown {
    const operations = batch as { qd?: unknown }[];
    if (!Array.isArray(batch) || operations.every((operation) => this.ownerOf(operation?.qd) === this.client)) {
      return this.client.submit(batch as Parameters<LibOS['submit']>[0]);
    }
    const tokens = new Array<QToken>(operations.length);
    for (const os of [this.client, this.server]) {
      const places = operations.map((_, i) => i).filter((i) => this.ownerOf(operations[i].qd) === os);
      const part = os.submit(places.map((i) => operations[i]) as unknown as Parameters<LibOS['submit']>[0]) as QToken[];
      part.forEach((qt, i) => (tokens[places[i]] = qt));
    }
    return tokens;
  }

  private stats(): LibOSStats {
    const [mine, theirs] = [this.client.stats(), this.server.stats()] as unknown as Record<string, unknown>[];
    const sums = Object.entries(mine).map(([name, value]) => [name, typeof value === 'number' ? value + (theirs[name] as number) : value]);
    return Object.fromEntries(sums) as LibOSStats;
  }
}

export function bothEnds(client: LibOS, server: LibOS): LibOS {
  let calls: Record<string, Call> = {};
  const whole = new Proxy(client, {
    get: (target, name) => {
      const call = typeof name === 'string' && Object.hasOwn(calls, name) ? calls[name] : undefined;
      if (call !== undefined) return call;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value as Call).bind(target) : value;
    },
  });
  calls = new Ends(client, server).calls(whole);
  return whole;
}
