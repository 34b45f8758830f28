// The conformance suite: one set of cases for every libOS.

import { accountCases } from './cases/accounts';
import { argumentCases } from './cases/arguments';
import { closingCases } from './cases/closing';
import { datagramCases } from './cases/datagrams';
import { descriptorCases } from './cases/descriptors';
import { endingCases } from './cases/endings';
import { errorCases } from './cases/errors';
import { iteratorCases } from './cases/iterators';
import { limitCases } from './cases/limits';
import { memoryCases } from './cases/memory';
import { memoryQueueCases } from './cases/memory-queues';
import { socketOptionCases } from './cases/socket-options';
import { streamCases } from './cases/streams';
import { tokenCases } from './cases/tokens';
import { transferCases } from './cases/transfers';
import { waitSetCases } from './cases/wait-sets';
import { waitingCases } from './cases/waiting';
import { Context, type Capabilities, type Subject } from './context';

const THEMES: Record<string, (context: Context) => void> = {
  arguments: argumentCases,
  descriptors: descriptorCases,
  'socket options': socketOptionCases,
  errors: errorCases,
  tokens: tokenCases,
  'endings of operations': endingCases,
  closing: closingCases,
  waiting: waitingCases,
  'wait sets': waitSetCases,
  streams: streamCases,
  datagrams: datagramCases,
  'memory queues': memoryQueueCases,
  memory: memoryCases,
  'views that leave': transferCases,
  iterators: iteratorCases,
  limits: limitCases,
  accounts: accountCases,
};

/** Runs the cases on a libOS; `checks` as with DEMI_CHECK=1. */
export function conformance(name: string, subject: Subject, capabilities: Capabilities, { checks }: { checks: boolean }): void {
  describe(`${name}${checks ? ' with DEMI_CHECK=1' : ''}`, () => {
    const context = new Context(subject, capabilities, checks);
    afterEach(() => context.end());
    for (const [theme, cases] of Object.entries(THEMES)) describe(theme, () => cases(context));
  });
}
