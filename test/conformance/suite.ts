// The conformance suite: one set of cases for every libOS.

import type { LibOSConfig } from '../../lib';
import { argumentCases } from './cases/arguments';
import { datagramCases } from './cases/datagrams';
import { iteratorCases } from './cases/iterators';
import { memoryQueueCases } from './cases/memory-queues';
import { socketOptionCases } from './cases/socket-options';
import { tokenCases } from './cases/tokens';
import { waitingCases } from './cases/waiting';
import { Context, type Capabilities } from './context';

const THEMES: Record<string, (context: Context) => void> = {
  arguments: argumentCases,
  'socket options': socketOptionCases,
  tokens: tokenCases,
  waiting: waitingCases,
  datagrams: datagramCases,
  'memory queues': memoryQueueCases,
  iterators: iteratorCases,
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
