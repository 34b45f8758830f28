'use strict';

// `npm run fuzz`: builds the fuzz targets of this folder with clang++ and libFuzzer, and runs them.
//
//   npm run fuzz -- --minutes 10                     all targets; the whole stack has half of the time
//   npm run fuzz -- --minutes 5 stack_frames         those that are named
//   npm run fuzz -- --merge [TARGET...]              brings what was found, minimised, into the committed corpus
//   npm run fuzz -- --check [--report FILE]          what CI does: every committed input, then a few seconds each; always from the same seed
//
// A target goes on from its committed corpus (test/fuzz/corpus/TARGET) and from what it has found before (build/fuzz/corpus/TARGET). An input that
// fails is kept in build/fuzz, and the command that replays it is printed. The exit status is 0 if all went well, 1 if an input failed, 2 if the
// command was wrong or there is no clang++.

const { createHash } = require('node:crypto');
const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const seeds = require('./seeds');

const root = path.resolve(__dirname, '..', '..');
const out = path.join(root, 'build', 'fuzz');
const COMPILERS = ['clang++-14', 'clang++'];
const WITHOUT_COMPILER = 'The fuzz targets need clang++ with libFuzzer (Debian: apt-get install clang libclang-rt-14-dev).';
const USAGE = 'npm run fuzz -- --minutes N [TARGET...], or --merge [TARGET...], or --check [--report FILE] [TARGET...]';

// The whole stack has as much time as all parsers together.
const WEIGHTS = { stack_frames: 20 };
const CHECK_SECONDS = 2;
const LEAST_SECONDS = 1;
const INPUT_BYTES_MAX = 2048;
const INPUT_LIMIT_SECONDS = 10;
const REPLAY_LIMIT_SECONDS = 120;
const MERGE_LIMIT_SECONDS = 3600;

class WrongCommand extends Error {}

const targets = fs
  .readdirSync(__dirname)
  .filter((name) => name.endsWith('.cc'))
  .map((name) => name.slice(0, -'.cc'.length))
  .sort();

// --- the command ---

function valueOf(args, at, name) {
  if (at + 1 >= args.length) throw new WrongCommand(`${name} needs a value. ${USAGE}`);
  return args[at + 1];
}

function minutesFrom(text) {
  const minutes = Number(text);
  if (text.trim() === '' || !Number.isFinite(minutes) || minutes <= 0) {
    throw new WrongCommand(`--minutes takes a positive number, and not '${text}'.`);
  }
  return minutes;
}

function parseCommand(args) {
  const command = { mode: undefined, minutes: undefined, report: undefined, targets: [] };
  const choose = (mode) => {
    if (command.mode !== undefined) throw new WrongCommand(`One of --minutes, --merge and --check at a time. ${USAGE}`);
    command.mode = mode;
  };
  for (let at = 0; at < args.length; at++) {
    const arg = args[at];
    if (arg === '--minutes') {
      choose('fuzz');
      command.minutes = minutesFrom(valueOf(args, at++, arg));
    } else if (arg === '--merge' || arg === '--check') {
      choose(arg.slice(2));
    } else if (arg === '--report') {
      command.report = valueOf(args, at++, arg);
    } else if (arg.startsWith('-')) {
      throw new WrongCommand(`There is no option ${arg}. ${USAGE}`);
    } else {
      command.targets.push(arg);
    }
  }
  if (command.mode === undefined) throw new WrongCommand(`How long? ${USAGE}`);
  if (command.report !== undefined && command.mode !== 'check') throw new WrongCommand('--report goes with --check only.');
  const unknown = command.targets.filter((name) => !targets.includes(name));
  if (unknown.length > 0) throw new WrongCommand(`There is no fuzz target ${unknown.join(', ')}. There are: ${targets.join(', ')}.`);
  if (command.targets.length === 0) command.targets = targets;
  return command;
}

// --- building ---

/** The compiler, if it can link a fuzz target: clang++ alone comes without libFuzzer. */
function findCompiler() {
  const source = 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }\n';
  return COMPILERS.find((compiler) => {
    const args = ['-x', 'c++', '-fsanitize=fuzzer,address,undefined', '-o', '/dev/null', '-'];
    return spawnSync(compiler, args, { input: source, stdio: ['pipe', 'ignore', 'ignore'] }).status === 0;
  });
}

function build(compiler, names) {
  const args = ['--no-print-directory', '-C', __dirname, `-j${os.availableParallelism()}`, `FUZZ_CXX=${compiler}`, `TARGETS=${names.join(' ')}`];
  return spawnSync('make', args, { stdio: ['ignore', 'inherit', 'inherit'] }).status === 0;
}

// --- running ---

const committedCorpus = (name) => path.join(__dirname, 'corpus', name);
const foundCorpus = (name) => path.join(out, 'corpus', name);
const filesIn = (folder) => (fs.existsSync(folder) ? fs.readdirSync(folder) : []);

/** Puts the programs of seeds.js beside what was found, named as libFuzzer names inputs. */
function plantSeeds(name) {
  fs.mkdirSync(foundCorpus(name), { recursive: true });
  for (const seed of seeds[name] ?? []) {
    fs.writeFileSync(path.join(foundCorpus(name), createHash('sha1').update(seed).digest('hex')), seed);
  }
}

/** Runs a target to its end. Resolves to { ok, text }: whether no input failed, and all that libFuzzer has said. */
function runTarget(name, args, limitSeconds) {
  return new Promise((resolve) => {
    const env = { ...process.env, ASAN_OPTIONS: 'malloc_context_size=8:detect_leaks=1', UBSAN_OPTIONS: 'print_stacktrace=1' };
    const child = spawn(path.join(out, name), args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    const add = (chunk) => {
      text += chunk;
    };
    child.stdout.on('data', add);
    child.stderr.on('data', add);
    const timer = setTimeout(() => child.kill('SIGKILL'), limitSeconds * 1000);
    child.on('error', (error) => resolve({ ok: false, text: `${text}\n${error.message}` }));
    child.on('close', (status) => {
      clearTimeout(timer);
      resolve({ ok: status === 0, text });
    });
  });
}

/** Calls work(name) for each name, as many at a time as there are processors. */
async function forEachInParallel(names, work) {
  const waiting = [...names];
  const worker = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) await work(name);
  };
  await Promise.all(Array.from({ length: Math.min(os.availableParallelism(), names.length) }, worker));
}

function commonArgs(name) {
  return [`-max_len=${INPUT_BYTES_MAX}`, `-timeout=${INPUT_LIMIT_SECONDS}`, '-print_final_stats=1', `-artifact_prefix=${path.join(out, `${name}-`)}`];
}

function lastNumber(text, pattern) {
  const found = [...text.matchAll(pattern)].at(-1);
  return found === undefined ? 0 : Number(found[1]);
}

/** What libFuzzer has said of a run: { executions, perSecond, coverage, found }. */
function figuresOf(text) {
  return {
    executions: lastNumber(text, /stat::number_of_executed_units:\s*(\d+)/g),
    perSecond: lastNumber(text, /stat::average_exec_per_sec:\s*(\d+)/g),
    coverage: lastNumber(text, /\bcov: (\d+)/g),
    found: lastNumber(text, /stat::new_units_added:\s*(\d+)/g),
  };
}

function describe(name, figures) {
  const number = (value, width) => value.toLocaleString('en-US').padStart(width);
  const width = Math.max(...targets.map((each) => each.length));
  return `${name.padEnd(width)} ${number(figures.executions, 12)} executions ${number(figures.perSecond, 8)}/s  coverage ${number(figures.coverage, 6)}  new inputs ${number(figures.found, 5)}`;
}

/** What was wrong, and how to see it again. */
function describeFailure(name, text) {
  const wrong = /^.*(?:internal error|ERROR: |runtime error).*$/m.exec(text)?.[0] ?? text.trimEnd().split('\n').at(-1);
  const kept = /Test unit written to (\S+)/.exec(text)?.[1];
  const replay = kept === undefined ? '' : `\n  replay: ${path.relative(root, path.join(out, name))} ${path.relative(root, kept)}`;
  return `${name}: FAILED: ${wrong}${replay}`;
}

/** Every committed input once. */
async function replay(name) {
  const corpus = committedCorpus(name);
  if (filesIn(corpus).length === 0) return { ok: false, text: `there is no corpus in ${path.relative(root, corpus)}` };
  return runTarget(name, [...commonArgs(name), '-runs=0', corpus], REPLAY_LIMIT_SECONDS);
}

/** Fuzzes for a while. What is found goes into the first of the folders. */
async function fuzz(name, seconds, folders, more) {
  for (const folder of folders) fs.mkdirSync(folder, { recursive: true });
  return runTarget(name, [...commonArgs(name), `-max_total_time=${seconds}`, '-len_control=20', ...more, ...folders], seconds + REPLAY_LIMIT_SECONDS);
}

// --- the modes ---

async function fuzzAll(command) {
  const weights = command.targets.map((name) => WEIGHTS[name] ?? 1);
  const sum = weights.reduce((a, b) => a + b, 0);
  let failures = 0;
  // One after the other: a machine has other work, too.
  for (const [at, name] of command.targets.entries()) {
    plantSeeds(name);
    const seconds = Math.max(LEAST_SECONDS, Math.round((command.minutes * 60 * weights[at]) / sum));
    const result = await fuzz(name, seconds, [foundCorpus(name), committedCorpus(name)], []);
    console.log(result.ok ? describe(name, figuresOf(result.text)) : describeFailure(name, result.text));
    if (!result.ok) failures++;
  }
  return failures;
}

async function checkAll(command) {
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'demi-fuzz-'));
  const report = { passed: [], failed: [] };
  try {
    await forEachInParallel(command.targets, async (name) => {
      let result = await replay(name);
      if (result.ok) result = await fuzz(name, CHECK_SECONDS, [path.join(scratch, name), committedCorpus(name)], ['-seed=1']);
      console.log(result.ok ? describe(name, figuresOf(result.text)) : describeFailure(name, result.text));
      (result.ok ? report.passed : report.failed).push(name);
    });
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true });
  }
  if (command.report !== undefined) fs.writeFileSync(command.report, JSON.stringify(report));
  return report.failed.length;
}

async function mergeAll(command) {
  let failures = 0;
  for (const name of command.targets) {
    const merged = path.join(out, 'merged', name);
    fs.rmSync(merged, { recursive: true, force: true });
    plantSeeds(name);
    for (const folder of [merged, committedCorpus(name)]) fs.mkdirSync(folder, { recursive: true });
    // As few inputs as reach every branch that was ever reached: how often they pass there, and how much else, is for build/fuzz to remember.
    const result = await runTarget(name, [...commonArgs(name), '-set_cover_merge=1', '-use_counters=0', merged, committedCorpus(name), foundCorpus(name)], MERGE_LIMIT_SECONDS);
    if (!result.ok) {
      console.log(describeFailure(name, result.text));
      failures++;
      continue;
    }
    fs.rmSync(committedCorpus(name), { recursive: true });
    fs.renameSync(merged, committedCorpus(name));
    const sizes = filesIn(committedCorpus(name)).map((file) => fs.statSync(path.join(committedCorpus(name), file)).size);
    console.log(`${name}: ${sizes.length} inputs of ${sizes.reduce((sum, bytes) => sum + bytes, 0)} bytes`);
  }
  return failures;
}

async function main(args) {
  try {
    const command = parseCommand(args);
    const compiler = findCompiler();
    if (compiler === undefined) throw new WrongCommand(WITHOUT_COMPILER);
    if (!build(compiler, command.targets)) return 1;
    const mode = { fuzz: fuzzAll, check: checkAll, merge: mergeAll }[command.mode];
    return (await mode(command)) > 0 ? 1 : 0;
  } catch (error) {
    if (!(error instanceof WrongCommand)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 2;
  }
}

module.exports = { figuresOf, findCompiler, parseCommand, WITHOUT_COMPILER, targets };

if (require.main === module) {
  main(process.argv.slice(2)).then((status) => {
    process.exitCode = status;
  });
}
