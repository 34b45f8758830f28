// The conformance suite: one set of cases for every libOS.

import type { LibOSConfig } from '../../lib';
import { accountCases } from './cases/accounts';
import { argumentCases } from './cases/arguments';
import { closingCases } from './cases/closing';
import { datagramCases } from './cases/datagrams';
import { descriptorCases } from './cases/descriptors';
import { endingCases } from './cases/endings';
import { iteratorCases } from './cases/iterators';
import { limitCases } from './cases/limits';
import { memoryCases } from './cases/memory';
import { memoryQueueCases } from './cases/memory-queues';
import { socketOptionCases } from './cases/socket-options';
import { streamCases } from './cases/streams';
import { tokenCases } from './cases/tokens';
import { transferCases } from './cases/transfers';
import { waitingCases } from './cases/waiting';
import { Context, type Capabilities } from './context';

const THEMES: Record<string, (context: Context) => void> = {
  arguments: argumentCases,
  descriptors: descriptorCases,
  'socket options': socketOptionCases,
  tokens: tokenCases,
  'endings of operations': endingCases,
  closing: closingCases,
  waiting: waitingCases,
  streams: streamCases,
  datagrams: datagramCases,
  'memory queues': memoryQueueCases,
  memory: memoryCases,
  'views that leave': transferCases,
  iterators: iteratorCases,
  limits: limitCases,
  accounts: accountCases,
};

/** Runs the cases on a libOS, without and with the checks of SgArrays. */
export function conformance(name: string, makeConfig: () => LibOSConfig, capabilities: Capabilities): void {
  describe.each([
    [name, false],
    [`${name} with DEMI_CHECK=1`, true],
  ])('%s', (_title, checks) => {
    const context = new Context(makeConfig, capabilities, checks);
    afterEach(() => context.end());
    for (const [theme, cases] of Object.entries(THEMES)) describe(theme, () => cases(context));
  });
}
