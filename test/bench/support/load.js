'use strict';

// What the JavaScript servers and clients of the network benchmarks share: arguments, the measured time, and what is said to the
// benchmark on standard output. The C programs say the same: a server {"port":N}; a client {"began":true} when it is warm, and at the
// end {"ns","cpu","messages","bytes","histogram"}, cpu being the processor time in nanoseconds. JavaScript with a load of garbage
// (garbage=1) adds what was collected meanwhile: {"garbage":{"collections","ms","longestMs"}}.

const { makeGarbage } = require('./garbage');
const { Histogram } = require('./histogram');

/** `name=value` arguments as an object; what looks like a number is one. */
function readArguments(argv) {
  const pairs = argv.filter((arg) => arg.includes('=')).map((arg) => [arg.slice(0, arg.indexOf('=')), arg.slice(arg.indexOf('=') + 1)]);
  return Object.fromEntries(pairs.map(([name, value]) => [name, /^\d+$/.test(value) ? Number(value) : value]));
}

function say(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

/** Ends a server whose benchmark is gone. A server that never lets the event loop run asks now and then. */
const parent = process.ppid;
function endWithParent() {
  if (process.ppid !== parent) process.exit();
}
setInterval(endWithParent, 500).unref();

/** The arguments of a server or a client; what they want of every program is begun: a load of garbage. */
function begin(argv) {
  const options = readArguments(argv);
  return options.garbage ? { ...options, garbage: makeGarbage() } : options;
}

/** The measured time of a client. */
class Load {
  constructor({ warm = 100, ms = 500, garbage }) {
    this.garbage = garbage;
    this.warmUntil = performance.now() + warm;
    this.ms = ms;
    this.until = Infinity;
    this.beganAt = 0;
    this.messages = 0;
    this.bytes = 0;
    this.histogram = new Histogram();
    /** Whether there is time for more. */
    this.goes = true;
  }

  /** Counts a message that took from `began`, on performance.now(), until now. */
  record(began, bytes, now = performance.now()) {
    if (this.beganAt === 0) {
      if (now < this.warmUntil) return;
      this.beganAt = now;
      this.until = now + this.ms;
      this.cpuBefore = process.cpuUsage();
      this.garbage?.restart();
      say({ began: true });
      return;
    }
    if (!this.goes) return;
    ++this.messages;
    this.bytes += bytes;
    this.histogram.record((now - began) * 1e6);
    if (now >= this.until) this.goes = false;
  }

  /** Says what was found and ends the process. */
  report() {
    const ns = Math.round((performance.now() - this.beganAt) * 1e6);
    const { user, system } = process.cpuUsage(this.cpuBefore);
    const { messages, bytes } = this;
    const found = { ns, cpu: (user + system) * 1000, messages, bytes, garbage: this.garbage?.collected(), histogram: this.histogram.toPairs() };
    process.stdout.write(`${JSON.stringify(found)}\n`, () => process.exit());
  }
}

/** The address of the n-th connection: connections spread over several have more ports between them. */
function addressOf(n, addresses = 1) {
  return `127.0.0.${1 + (n % addresses)}`;
}

module.exports = { Load, addressOf, begin, endWithParent, readArguments, say };
