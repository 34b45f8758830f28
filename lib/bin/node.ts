// Node.js and our addon: whether they fit, found out by making libOSes in a process of their own.

import type { Finding } from './finding';
import type { Machine } from './machine';

/** The libOSes that are tried: making one of these needs nothing and changes nothing. */
const TRIED = ['loopback', 'catnap', 'catpowder'] as const;

/** What the rest of the report asks about Node.js. */
export interface NodeRuntime {
  readonly findings: readonly Finding[];
  /** Why no such libOS could be made, or undefined if one was. */
  problemWith(libos: (typeof TRIED)[number]): string | undefined;
}

// package.json says the same; node-addon-api is compiled for this Node-API.
const NODE_OLDEST = 20;
const NAPI_OLDEST = 9;

// Prints, for each libOS, why it could not be made, or an empty string. A crash of the addon is the child's.
const TRIAL = `
  const outcome = {};
  const { createLibOS } = require(process.argv[1]);
  for (const libos of process.argv.slice(2)) {
    try { createLibOS({ libos }); outcome[libos] = ''; } catch (error) { outcome[libos] = String(error.message); }
  }
  process.stdout.write(JSON.stringify(outcome), () => process.exit(0));
`;

function parsed(text: string | undefined): Record<string, unknown> | undefined {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as Record<string, unknown>);
  } catch {
    return undefined;
  }
}

/** @param folder - where the package lies. */
export function examineNode(machine: Machine, folder: string): NodeRuntime {
  const { node, napi } = machine.versions;
  const found = `${node}, Node-API ${napi}`;
  const fits = Number.parseInt(node, 10) >= NODE_OLDEST && Number.parseInt(napi, 10) >= NAPI_OLDEST;
  const findings: Finding[] = [
    fits ? { topic: 'Node.js', state: 'ok', found } : { topic: 'Node.js', state: 'missing', found, todo: `install Node.js ${NODE_OLDEST} or newer` },
  ];
  const outcome = parsed(machine.run(machine.execPath, ['-e', TRIAL, folder, ...TRIED]));
  const topic = 'Addon';
  if (outcome === undefined) findings.push({ topic, state: 'missing', found: `none in ${folder} that loads here`, todo: `node ${folder}/addon/build.js builds it` });
  else findings.push({ topic, state: 'ok', found: 'loads' });
  return {
    findings,
    problemWith: (libos) => {
      if (outcome === undefined) return 'the addon does not load';
      const problem = outcome[libos];
      return problem === '' ? undefined : String(problem ?? 'it was not tried');
    },
  };
}
