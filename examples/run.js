'use strict';

// Runs an example: node examples/run.js NAME [arguments]; without a name it lists them.
//
// It works on a fresh clone: what is missing is installed and built first. An example is TypeScript; it is compiled to build/examples/,
// where require('demi-io') finds this very package by its own name.

const fs = require('node:fs');
const path = require('node:path');
const { ensureBuilt, root } = require('../test/setup/ensure-built.js');

const examples = fs
  .readdirSync(__dirname)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -'.ts'.length))
  .sort();

function sourceOf(name) {
  return fs.readFileSync(path.join(__dirname, `${name}.ts`), 'utf8');
}

/** The first comment line of an example. */
function summaryOf(name) {
  return /^\/\/ ?(.*)$/m.exec(sourceOf(name))?.[1] ?? '';
}

function list(write) {
  const width = Math.max(...examples.map((name) => name.length));
  write('Usage: node examples/run.js NAME [arguments]\n\n');
  for (const name of examples) write(`  ${name.padEnd(width)}  ${summaryOf(name)}\n`);
}

/** Compiles an example and returns the file that came of it. */
function compile(name) {
  const ts = require('typescript');
  const source = path.join(__dirname, `${name}.ts`);
  const { outputText } = ts.transpileModule(sourceOf(name), {
    fileName: source,
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.CommonJS,
      inlineSourceMap: true,
      inlineSources: true,
    },
  });
  const folder = path.join(root, 'build', 'examples');
  const file = path.join(folder, `${name}.js`);
  fs.mkdirSync(folder, { recursive: true });
  // Renamed into place: the same example may be starting in another process.
  const draft = `${file}.${process.pid}`;
  fs.writeFileSync(draft, outputText);
  fs.renameSync(draft, file);
  return file;
}

function main() {
  const [name, ...args] = process.argv.slice(2);
  if (name === undefined || name === '--help' || name === '-h') {
    list((text) => process.stdout.write(text));
    return;
  }
  if (!examples.includes(name)) {
    process.stderr.write(`There is no example '${name}'.\n`);
    list((text) => process.stderr.write(text));
    process.exitCode = 1;
    return;
  }
  let file;
  try {
    ensureBuilt();
    file = compile(name);
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
    return;
  }
  process.setSourceMapsEnabled(true);
  process.argv = [process.execPath, file, ...args];
  require(file);
}

main();
