'use strict';

// A server and a client, each a process on a core of its own: one measurement of a network benchmark. See load.js for what they say.

const { spawn, spawnSync } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const readline = require('node:readline');

// Beside the time that is measured.
const START_LIMIT_MS = 10_000;
const CALLS = [
  'accept4', 'close', 'connect', 'epoll_ctl', 'epoll_pwait', 'epoll_wait', 'getpeername', 'getsockname', 'getsockopt', 'ioctl', 'read',
  'readv', 'recvfrom', 'recvmsg', 'sendmmsg', 'sendmsg', 'sendto', 'setsockopt', 'shutdown', 'socket', 'write', 'writev',
];

const succeeds = (program, args) => spawnSync(program, args, { stdio: 'ignore' }).status === 0;
const hasTaskset = succeeds('taskset', ['-c', '0', 'true']);
const cpus = os.cpus().length;
const range = (first, last) => Array.from({ length: last - first + 1 }, (_, n) => first + n);

/** The cores of a server that has so many threads, and of its client: cores of their own where there are enough, otherwise all of them for both. */
function coresFor(threads) {
  if (cpus > threads) return { server: range(cpus - threads, cpus - 1), client: threads === 1 ? [cpus - 2] : range(0, cpus - threads - 1) };
  return { server: range(0, cpus - 1), client: range(0, cpus - 1) };
}

/** The cores of server and client. */
const cores = hasTaskset ? coresFor(1) : undefined;

// --- counting system calls: around the whole program, so only for runs that make many messages ---

const perfEvents = CALLS.map((call) => `syscalls:sys_enter_${call}`).join(',');
const COUNTERS = [
  {
    tool: 'perf',
    wrap: (file, program) => ['perf', 'stat', '-x,', '-o', file, '-e', perfEvents, '--', ...program],
    parse: (line) => [line.split(',')[2]?.replace('syscalls:sys_enter_', ''), Number(line.split(',')[0])],
    works: () => succeeds('perf', ['stat', '-e', 'syscalls:sys_enter_close', 'true']),
  },
  {
    tool: 'strace',
    wrap: (file, program) => ['strace', '-f', '-c', '-o', file, ...program],
    parse: (line) => [line.trim().split(/\s+/).at(-1), Number(line.trim().split(/\s+/)[3])],
    works: () => succeeds('strace', ['-c', '-o', '/dev/null', 'true']),
  },
];
let counter;

/** What counts system calls here: 'perf', 'strace' (which slows them), or undefined. */
function callCounter() {
  if (counter === undefined) counter = COUNTERS.find(({ works }) => works()) ?? null;
  return counter?.tool;
}

/** call -> count, from the output of a counter. */
function parseCalls(text, tool) {
  const { parse } = COUNTERS.find((one) => one.tool === tool);
  const calls = {};
  for (const [call, count] of text.split('\n').map(parse)) if (CALLS.includes(call) && count > 0) calls[call] = count;
  return calls;
}

// --- processor time ---

/** Nanoseconds that the threads of a process and of its children have run. */
function cpuOf(pid) {
  try {
    const tasks = fs.readdirSync(`/proc/${pid}/task`);
    const own = tasks.reduce((sum, task) => sum + Number(fs.readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]), 0);
    return childrenOf(pid).reduce((sum, child) => sum + cpuOf(child), own);
  } catch {
    return 0;
  }
}

/** Milliseconds for which cores were not idle. */
function busyOf(wanted) {
  const all = os.cpus();
  return wanted.reduce((sum, core) => {
    const { user, nice, sys, irq } = all[core].times;
    return sum + user + nice + sys + irq;
  }, 0);
}

function childrenOf(pid) {
  return fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

function look(server, where) {
  const busyMs = where === undefined ? 0 : busyOf([...new Set([...where.server, ...where.client])]);
  return { at: performance.now(), server: cpuOf(server.pid), busyMs };
}

// --- the pair ---

/** A program on some cores. */
const onCores = (list, program) => (list === undefined ? program : ['taskset', '-c', list.join(','), ...program]);

function start(program, list, calls) {
  let command = onCores(list, program);
  if (calls !== undefined) command = counter.wrap(calls, command);
  const child = spawn(command[0], command.slice(1), { stdio: ['pipe', 'pipe', calls === undefined ? 'inherit' : 'ignore'] });
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exited = once(child, 'exit');
  return {
    pid: child.pid,
    async line() {
      const { done, value } = await lines.next();
      if (done) throw new Error(`${program.join(' ')} ended early`);
      return JSON.parse(value);
    },
    async end() {
      child.stdin.end();
      // A counter writes what it has counted when the program that it runs has ended.
      const pids = calls === undefined ? [child.pid] : childrenOf(child.pid);
      for (const pid of pids) process.kill(pid, 'SIGKILL');
      await exited;
    },
    exited,
  };
}

/**
 * Runs a server and a client, which is told the server's port.
 *
 * @param pair - programs with their arguments; `threads` of the server, 1 if it does not say; `limitMs`, when the pair is ended at the latest.
 * @param countCalls - a folder: system calls are counted, by way of files there. Such a run is no measurement of time.
 * @returns what the client found, and `serverCpu` and `clientCpu` (nanoseconds within the measured time), `othersShare` (processor time
 * that others took on the two cores, as part of the time), `calls` ({ server, client }).
 */
async function runPair({ server, client, threads = 1, limitMs = START_LIMIT_MS }, countCalls) {
  const files = countCalls && { server: path.join(countCalls, 'server'), client: path.join(countCalls, 'client') };
  const where = cores && coresFor(threads);
  const serving = start(server, where?.server, files?.server);
  let calling;
  const limit = setTimeout(() => [serving, calling].forEach((one) => one && process.kill(one.pid, 'SIGKILL')), limitMs);
  try {
    const { port } = await serving.line();
    calling = start([...client, `port=${port}`], where?.client, files?.client);
    await calling.line();
    const before = look(serving, where);
    const found = await calling.line();
    const after = look(serving, where);
    await calling.exited;
    await serving.end();
    const serverCpu = after.server - before.server;
    const wall = after.at - before.at;
    const othersShare = Math.max(0, (after.busyMs - before.busyMs - (serverCpu + found.cpu) / 1e6) / wall);
    const calls = files && { server: readCalls(files.server), client: readCalls(files.client) };
    return { ...found, serverCpu, clientCpu: found.cpu, othersShare, calls };
  } catch (error) {
    for (const one of [serving, calling]) one?.end().catch(() => {});
    throw error;
  } finally {
    clearTimeout(limit);
  }
}

function readCalls(file) {
  return parseCalls(fs.readFileSync(file, 'utf8'), counter.tool);
}

module.exports = { START_LIMIT_MS, callCounter, cores, coresFor, onCores, parseCalls, runPair };
