'use strict';

// Networks for tests between TCPs: network namespaces, programs in them, peers (peer.js) and bad cables (relay.cc). All of it ends with close(), or with
// the process that made it.

const { spawn, spawnSync } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');
const { createInterface } = require('node:readline');

const root = path.join(__dirname, '..', '..');

/** A child and what it says, with a limit on its time. */
async function endOf(child, timeoutMs) {
  let out = '';
  let err = '';
  child.stdout.on('data', (part) => (out += part));
  child.stderr.on('data', (part) => (err += part));
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  const [status, signal] = await once(child, 'close');
  clearTimeout(timer);
  return { status, signal, out, err };
}

/** Its lines, one at a time; an error when it ends before. */
function linesOf(child, name) {
  const iterator = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let err = '';
  child.stderr.on('data', (part) => (err += part));
  return async () => {
    const { value, done } = await iterator.next();
    if (!done) return value;
    if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
    throw new Error(`${name} has ended by ${child.signalCode ?? child.exitCode}: ${err}`);
  };
}

/** A network namespace, which lives as long as a process in it that does nothing. */
class Namespace {
  static async make() {
    const holder = spawn('unshare', ['-n', 'sh', '-c', 'ip link set lo up && echo ready && exec cat'], { stdio: ['pipe', 'pipe', 'pipe'] });
    const line = linesOf(holder, 'unshare');
    await line();
    const namespace = new Namespace();
    namespace.holder = holder;
    namespace.pid = holder.pid;
    namespace.children = new Set();
    return namespace;
  }

  start(program, args, { env = {}, input = 'ignore' } = {}) {
    const child = spawn('nsenter', [`--net=/proc/${this.pid}/ns/net`, '--', program, ...args], {
      env: { ...process.env, ...env },
      stdio: [input, 'pipe', 'pipe'],
    });
    child.on('error', () => {});
    this.children.add(child);
    child.once('close', () => this.children.delete(child));
    return child;
  }

  /** Runs a program to its end: what it says, and its status. */
  run(program, args, { timeoutMs = 60_000, env, input } = {}) {
    return endOf(this.start(program, args, { env, input }), timeoutMs);
  }

  /** As `run`, when it must do well. */
  async must(program, args, options) {
    const ran = await this.run(program, args, options);
    if (ran.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${ran.signal ?? ran.status} ${ran.err}${ran.out}`);
    return ran.out;
  }

  ip(text) {
    return this.must('ip', text.split(' '));
  }

  /** A setting of the kernel's network in this namespace, such as 'ipv4/ip_forward'. */
  set(name, value) {
    return this.must('sh', ['-c', `echo ${value} > /proc/sys/net/${name}`]);
  }

  /** Gives an interface an address, and switches it on. TCP over it has the congestion control that is named: not each may be a namespace's default. */
  async address(name, address, congestion) {
    await this.ip(`addr add ${address} dev ${name}`);
    await this.ip(`link set ${name} up`);
    if (congestion === undefined) return;
    const [route] = (await this.ip(`-4 route show dev ${name}`)).split('\n');
    await this.ip(`route change ${route.trim().replace(/ linkdown/, '').replace(/ +/g, ' ')} dev ${name} congctl ${congestion}`);
  }

  async close() {
    const ending = [...this.children, this.holder].filter((child) => child.exitCode === null && child.signalCode === null);
    for (const child of ending) child.kill('SIGKILL');
    await Promise.all(ending.map((child) => once(child, 'close')));
  }
}

/** peer.js in a namespace. Its answers come in any order, so only one thing is asked of it at a time. */
class Peer {
  static async start(namespace, args, env) {
    const child = namespace.start(process.execPath, [path.join(__dirname, 'peer.js'), ...args], { env, input: 'pipe' });
    child.stdin.on('error', () => {});
    const peer = new Peer();
    peer.child = child;
    peer.line = linesOf(child, `peer.js ${args.join(' ')}`);
    await peer.line();
    return peer;
  }

  async do(name, parameters = {}) {
    this.child.stdin.write(`${JSON.stringify({ do: name, ...parameters })}\n`);
    const { result, error } = JSON.parse(await this.line());
    if (error !== undefined) throw new Error(`${name}: ${error}`);
    return result;
  }

  /** Ends it; its capture is complete then. */
  async stop() {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const closed = once(this.child, 'close');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 10_000);
    this.child.stdin.end();
    const [status] = await closed;
    clearTimeout(timer);
    if (status !== 0) throw new Error(`a peer has ended by ${this.child.signalCode ?? status}`);
  }
}

/** Builds the relay, unless it is there. */
function buildRelay() {
  const { status, stdout, stderr } = spawnSync('make', ['--no-print-directory', '-C', __dirname, '-j2'], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`building the relay failed:\n${stdout}${stderr}`);
}

/** relay.cc between two namespaces: its interfaces are named, and impairments given as its manual says. */
class Relay {
  static async between([left, leftName], [right, rightName], impairments = {}) {
    const settings = Object.entries(impairments).map(([key, value]) => `${key}=${value}`);
    const relay = new Relay();
    relay.child = right.start(path.join(root, 'build', 'peers', 'relay'), [leftName, rightName, ...settings]);
    relay.line = linesOf(relay.child, 'the relay');
    await relay.line();
    await right.ip(`link set ${leftName} netns ${left.pid}`);
    return relay;
  }

  /** Ends it; its counters. */
  async stop() {
    this.child.kill('SIGTERM');
    return JSON.parse(await this.line());
  }
}

module.exports = { Namespace, Peer, Relay, buildRelay };
