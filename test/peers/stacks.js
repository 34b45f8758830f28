'use strict';

// One face for two TCPs: ours, by a libOS, and the kernel's, by node:net. A connection is an async iterable of what arrives up to the peer's end,
// whose parts are good until the next one is asked for, with write(), end() (what ends our half) and close().

const net = require('node:net');
const { once } = require('node:events');

const { AF_INET, SHUT_WR, SOCK_STREAM, createLibOS } = require('../../dist');

class OurConnection {
  constructor(os, qd) {
    this.os = os;
    this.qd = qd;
  }
  async *[Symbol.asyncIterator]() {
    for await (const sga of this.os.pops(this.qd)) {
      for (const { buffer, byteOffset, byteLength } of sga.segments) yield Buffer.from(buffer, byteOffset, byteLength);
    }
  }
  write(bytes) {
    return this.os.push(this.qd, bytes);
  }
  end() {
    return this.os.shutdown(this.qd, SHUT_WR);
  }
  close() {
    return this.os.close(this.qd);
  }
}

class OurStack {
  constructor(config) {
    this.os = createLibOS({ libos: 'catpowder', ...config });
  }
  async listen(port, serve) {
    const listener = this.os.socket(AF_INET, SOCK_STREAM);
    this.os.bind(listener, { address: '0.0.0.0', port });
    this.os.listen(listener, 1024);
    void (async () => {
      for await (const { newQd } of this.os.accepts(listener)) {
        const connection = new OurConnection(this.os, newQd);
        // A peer that goes away in the middle is the affair of the peer.
        serve(connection).finally(() => connection.close()).catch(() => {});
      }
    })().catch(() => {});
  }
  async connect(address, port) {
    const qd = this.os.socket(AF_INET, SOCK_STREAM);
    await this.os.connect(qd, { address, port });
    return new OurConnection(this.os, qd);
  }
  stats() {
    return this.os.stats();
  }
  stop() {
    return this.os.stop();
  }
}

class KernelConnection {
  constructor(socket) {
    this.socket = socket;
    socket.setNoDelay(false);
    // Whoever reads or writes is told; nobody else need be.
    socket.on('error', () => {});
  }
  [Symbol.asyncIterator]() {
    // The other half goes on.
    return this.socket.iterator({ destroyOnReturn: false });
  }
  write(bytes) {
    return new Promise((resolve, reject) => this.socket.write(bytes, (error) => (error ? reject(error) : resolve())));
  }
  async end() {
    this.socket.end();
  }
  async close() {
    this.socket.end();
    if (this.socket.readableEnded) return;
    this.socket.destroy();
  }
}

class KernelStack {
  async listen(port, serve, address = '0.0.0.0') {
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
      const connection = new KernelConnection(socket);
      serve(connection).finally(() => connection.close()).catch(() => {});
    });
    server.listen(port, address, 1024);
    await once(server, 'listening');
  }
  async connect(address, port) {
    const socket = net.connect({ host: address, port, allowHalfOpen: true });
    await once(socket, 'connect');
    return new KernelConnection(socket);
  }
  stats() {
    return {};
  }
  async stop() {}
}

module.exports = { OurStack, KernelStack };
