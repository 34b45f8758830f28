#!/usr/bin/env node
// Entry point of the command `demi`. What it does is in program.ts.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { thisMachine } from './machine';
import { runProgram } from './program';

// From dist/bin/ to the package.
const folder = join(__dirname, '..', '..');
const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };

process.exitCode = runProgram(process.argv.slice(2), {
  machine: thisMachine(),
  folder,
  version,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  runScript: (path) => spawnSync(process.execPath, [join(folder, path)], { cwd: folder, stdio: 'inherit' }).status,
});
