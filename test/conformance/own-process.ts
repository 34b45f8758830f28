// The conformance suite where it takes a process of its own: for interfaces of Linux, which are made by root in a network namespace, or for EAL, which is started
// once in a process while jest runs many files in one. A second jest runs the cases there, and each of them is a test here.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(__dirname, '..', '..');
const { canMakeNamespaces: isPossible } = require('../setup/namespaces') as { canMakeNamespaces: boolean };
const required = process.env['DEMI_REQUIRE_ALL'] === '1';

interface Outcome {
  fullName: string;
  status: 'passed' | 'failed' | 'pending';
  failureMessages: string[];
}

function run(cases: string, needsNamespace: boolean): Outcome[] {
  const folder = mkdtempSync(join(tmpdir(), 'demi-conformance-'));
  const report = join(folder, 'report.json');
  try {
    const jest = [join(root, 'node_modules', 'jest', 'bin', 'jest.js'), '--testMatch', `**/conformance/${cases}`, '--json', '--outputFile', report];
    const [program, ...args] = [...(needsNamespace ? ['unshare', '-n'] : []), process.execPath, '--expose-gc', ...jest];
    const ran = spawnSync(program, args, { cwd: root, encoding: 'utf8', timeout: 600_000, killSignal: 'SIGKILL' });
    const found = JSON.parse(readFileSync(report, 'utf8')) as { testResults: { assertionResults: Outcome[]; message: string }[] };
    const outcomes = found.testResults.flatMap(({ assertionResults }) => assertionResults);
    if (outcomes.length === 0) throw new Error(`no case ran: ${found.testResults.map(({ message }) => message).join()} ${ran.stderr.slice(-2000)}`);
    return outcomes;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Each case of that file beside this one is a test here. Without what they need, the right to make namespaces or `isReady`, they are skipped, unless everything has
 * to run.
 */
export function testInOwnProcess(cases: string, { needsNamespace = false, isReady = true } = {}): void {
  if (!required && !(isReady && (isPossible || !needsNamespace))) {
    test.skip(`the conformance suite of ${cases}`, () => {});
    return;
  }
  for (const { fullName, status, failureMessages } of run(cases, needsNamespace)) {
    test(fullName, () => {
      if (status !== 'passed') throw new Error(failureMessages.join('\n') || status);
    });
  }
}
