'use strict';

// Builds programs of benchmarks.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const root = path.join(__dirname, '..', '..', '..');

/** What pkg-config says of a library; undefined where that is not installed. */
function flagsOf(library, question) {
  const { status, stdout } = spawnSync('pkg-config', [question, library], { encoding: 'utf8' });
  return status === 0 ? stdout.split(/\s+/).filter(Boolean) : undefined;
}

/**
 * The program of `folder`/`name`.c, built with gcc unless it is newer than the sources there; undefined where there is no compiler, or not the
 * library that it takes.
 */
function buildProgram(folder, name, library) {
  const program = path.join(folder, 'build', name);
  // With what the programs of all folders share.
  const sources = [folder, path.dirname(folder)].flatMap((from) => fs.readdirSync(from).filter((file) => /\.[ch]$/.test(file)).map((file) => path.join(from, file)));
  const builtAt = fs.statSync(program, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (sources.every((file) => fs.statSync(file).mtimeMs < builtAt)) return program;
  const [includes, libraries] = library === undefined ? [[], []] : ['--cflags', '--libs'].map((question) => flagsOf(library, question));
  if (includes === undefined || libraries === undefined) return undefined;
  fs.mkdirSync(path.dirname(program), { recursive: true });
  const flags = ['-O2', '-Wall', '-Wextra', '-Werror', ...includes];
  const { status, error, stderr } = spawnSync('gcc', [...flags, '-o', program, path.join(folder, `${name}.c`), ...libraries], { encoding: 'utf8' });
  if (error) return undefined;
  if (status !== 0) throw new Error(`building ${name}.c failed:\n${stderr}`);
  return program;
}

/** A program of test/addon/Makefile, built like the addon; undefined where there is no make. */
function buildWithMake(target) {
  const { status, error, stderr } = spawnSync('make', ['-j', String(os.cpus().length), '-C', path.join(root, 'test', 'addon'), target], { encoding: 'utf8' });
  if (error) return undefined;
  if (status !== 0) throw new Error(`building ${target} failed:\n${stderr}`);
  return path.join(root, 'build', 'addon-tests', target);
}

module.exports = { buildProgram, buildWithMake };
