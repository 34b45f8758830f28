'use strict';

// Holder: programs that hold connections open, and are asked about themselves (held.js): one process with both ends, or two.

const { spawn, spawnSync } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');

const { networkArguments } = require('./networks');
const { cores, onCores } = require('./process-pair');

const PROGRAMS = { demi: path.join(__dirname, '..', 'peers', 'demi-open.js'), node: path.join(__dirname, '..', 'peers', 'node-open.js') };

/** Words that let a program open so many files; undefined where that is not allowed. */
function withFiles(count) {
  const words = ['prlimit', `--nofile=${count}:${count}`];
  return spawnSync(words[0], [...words.slice(1), 'true'], { stdio: 'ignore' }).status === 0 ? words : undefined;
}

const filesFor = (connections) => connections + 1024;
/** Whether a process may have so many sockets of the kernel. */
const mayOpen = (connections) => withFiles(filesFor(connections)) !== undefined;

class End {
  constructor(program, role, list, files, args) {
    const words = onCores(list, [process.execPath, '--expose-gc', PROGRAMS[program], role, ...args]);
    const [command, ...rest] = files === undefined ? words : [...files, ...words];
    this.child = spawn(command, rest, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.ended = once(this.child, 'exit').then(() => {
      throw new Error(`${program} ${role} ended early`);
    });
    this.ended.catch(() => {});
  }

  async ask(what, values) {
    const heard = once(this.child, 'message');
    this.child.send({ what, values });
    const [{ answer, error }] = await Promise.race([heard, this.ended]);
    if (error !== undefined) throw new Error(error);
    return answer;
  }

  async stop() {
    this.child.kill('SIGKILL');
    await this.ended.catch(() => {});
  }
}

class Holder {
  /**
   * Starts it.
   *
   * @param program - 'demi' or 'node'.
   * @param network - one of networks.js. Both ends are in one process if it has them in one thread.
   * @param connections - how many there will be at most: a process may need a file for each.
   */
  static async start(program, network, connections) {
    const files = withFiles(filesFor(connections));
    const holder = new Holder();
    const both = [...networkArguments(network, 'server'), `client=${JSON.stringify(network.client)}`];
    if (network.oneThread) {
      holder.ends = [new End(program, 'both', cores?.server, files, both)];
    } else {
      const start = (role) => new End(program, role, cores?.[role], files, networkArguments(network, role));
      holder.ends = [start('server'), start('client')];
    }
    const ports = await holder.ends[0].ask('listen');
    await holder.ends.at(-1).ask('reach', { ports });
    return holder;
  }

  /** Opens so many connections more, and exchanges a message on each. */
  async open(count) {
    await Promise.all(this.ends.map((end) => end.ask('open', { count })));
  }

  /** One answer of each process. */
  ask(what, values) {
    return Promise.all(this.ends.map((end) => end.ask(what, values)));
  }

  async stop() {
    await Promise.all(this.ends.map((end) => end.stop()));
  }
}

module.exports = { Holder, mayOpen };
