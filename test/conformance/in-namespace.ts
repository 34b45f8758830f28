// The conformance suite where it needs interfaces of Linux. Making them takes root and a network namespace of its own: a second jest runs the cases there, and
// each of them is a test here.

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

function runInNamespace(cases: string): Outcome[] {
  const folder = mkdtempSync(join(tmpdir(), 'demi-conformance-'));
  const report = join(folder, 'report.json');
  try {
    const jest = [join(root, 'node_modules', 'jest', 'bin', 'jest.js'), '--testMatch', `**/conformance/${cases}`, '--json', '--outputFile', report];
    const ran = spawnSync('unshare', ['-n', process.execPath, '--expose-gc', ...jest], { cwd: root, encoding: 'utf8', timeout: 600_000, killSignal: 'SIGKILL' });
    const found = JSON.parse(readFileSync(report, 'utf8')) as { testResults: { assertionResults: Outcome[]; message: string }[] };
    const outcomes = found.testResults.flatMap(({ assertionResults }) => assertionResults);
    if (outcomes.length === 0) throw new Error(`no case ran: ${found.testResults.map(({ message }) => message).join()} ${ran.stderr.slice(-2000)}`);
    return outcomes;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Each case of that file beside this one is a test here; without the right to make namespaces, or without what else they need, they are skipped. */
export function testInNamespace(cases: string, isReady = true): void {
  if (!required && !(isPossible && isReady)) {
    test.skip(`the conformance suite of ${cases}`, () => {});
    return;
  }
  for (const { fullName, status, failureMessages } of runInNamespace(cases)) {
    test(fullName, () => {
      if (status !== 'passed') throw new Error(failureMessages.join('\n') || status);
    });
  }
}
