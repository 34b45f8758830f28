'use strict';

// `npm run bench`: runs the benchmarks of this folder, each in a process of its own.
//
//   npm run bench                  all of them
//   npm run bench token            the ones named
//   npm run bench -- --quick       fewer and shorter repetitions; ended after 2 minutes
//   npm run bench -- --smoke       hardly any: shows only that they work
//
// Each prints a table and writes bench-results/<name>.json. A goal that is missed is printed, and is no failure of the run.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const { root, ensureBuilt } = require('../setup/ensure-built');
const { buildWithMake } = require('./support/build-program');
const { namespace } = require('./support/namespace');
const { memif } = require('./support/networks');

const QUICK_LIMIT_MS = 2 * 60 * 1000;
const FULL_LIMIT_MS = 20 * 60 * 1000;
// Some contestants of these run over interfaces of their own.
const WITH_INTERFACES = ['bulk', 'rtt', 'sleep', 'tail'];
// What some compile first, which takes its time once, and is no part of theirs.
const COMPILED = { stack: 'stack_bench' };
const COMPILED_FOR_MEMIF = { connect: 'bench_client', rate: 'bench_client' };
// What is in this folder and is no benchmark.
const OTHERS = ['run.js', 'chart.js'];

function main(args) {
  const modes = args.filter((arg) => arg === '--quick' || arg === '--smoke');
  const quick = modes.length > 0;
  const wanted = args.filter((arg) => !modes.includes(arg));
  const known = fs
    .readdirSync(__dirname)
    .filter((name) => name.endsWith('.js') && !OTHERS.includes(name))
    .map((name) => name.slice(0, -'.js'.length))
    .sort();
  const unknown = wanted.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    process.stderr.write(`There is no benchmark ${unknown.join(', ')}. There are: ${known.join(', ')} (and --quick, --smoke).\n`);
    return 2;
  }
  ensureBuilt();
  const chosen = wanted.length > 0 ? wanted : known;
  const compiled = { ...COMPILED, ...(memif() === undefined ? {} : COMPILED_FOR_MEMIF) };
  for (const program of new Set(chosen.map((name) => compiled[name]).filter((target) => target !== undefined))) {
    process.stdout.write(`Building ${program} ...\n`);
    buildWithMake(program);
  }
  const began = Date.now();
  const failed = [];
  for (const name of chosen) {
    const left = (quick ? QUICK_LIMIT_MS : FULL_LIMIT_MS) - (quick ? Date.now() - began : 0);
    if (left <= 0) {
      process.stdout.write(`${name}: left out, the 2 minutes of --quick are over\n`);
      continue;
    }
    const { before = [], variables } = (WITH_INTERFACES.includes(name) && namespace()) || {};
    const program = [...before, process.execPath, '--expose-gc', path.join(__dirname, `${name}.js`), ...modes];
    const { status, signal, error } = spawnSync(program[0], program.slice(1), {
      cwd: root,
      env: { ...process.env, ...variables },
      stdio: 'inherit',
      timeout: left,
      killSignal: 'SIGKILL',
    });
    if (status === 0) continue;
    process.stdout.write(`${name}: failed (${error?.message ?? signal ?? `status ${status}`})\n`);
    failed.push(name);
  }
  return failed.length > 0 ? 1 : 0;
}

process.exitCode = main(process.argv.slice(2));
