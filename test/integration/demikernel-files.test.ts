// Two machines with configuration files of Demikernel as they are, on one link: each a process with LIBOS and CONFIG_PATH, at one end of a veth pair, with
// the MAC address of its interface and the other's in its table. That needs root.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { canMakeNamespaces: isPossible } = require('../setup/namespaces') as { canMakeNamespaces: boolean };
const { ensureBuilt } = require('../setup/ensure-built.js') as { ensureBuilt(): void };
const withRights = isPossible || process.env['DEMI_REQUIRE_ALL'] === '1' ? test : test.skip;

const RUN_MS = 60_000;
jest.setTimeout(2 * RUN_MS);
beforeAll(ensureBuilt);

interface Machine {
  address: string;
  mac: string;
  interface: string;
}
// Of different networks: in these files everybody is on the link.
const CLIENT: Machine = { address: '198.19.200.40', mac: '08:c0:eb:b6:cd:5d', interface: 'ens1np0' };
const SERVER: Machine = { address: '198.19.201.34', mac: '08:c0:eb:b6:e8:05', interface: 'ens85f1' };

const file = (own: Machine, arpTable: string): string => `
demikernel:
  local_ipv4_addr: ${own.address}
  local_link_addr: "${own.mac}"
raw_socket:
  linux_interface_name: "${own.interface}"
  xdp_interface_index: 0
  tx_ring_size: 128
dpdk:
  eal_init: ["", "-c", "0xff", "-n", "4", "-a", "37:00.0","--proc-type=auto"]
tcp_socket_options:
  keepalive:
    enabled: false
    time_millis: 0
    interval: 0
  linger:
    enabled: true
    time_seconds: 0
  nodelay: true
inetstack_config:
  mtu: 1500
  mss: 1450
  enable_jumbo_frames: false
  udp_checksum_offload: false
  tcp_checksum_offload: false
${arpTable}  arp_request_retries: 5
  arp_request_timeout: 20
  arp_cache_ttl: 15
`;
const TABLE = `  arp_table:\n    "${CLIENT.mac}": "${CLIENT.address}"\n    "${SERVER.mac}": "${SERVER.address}"\n`;

const PEER = `
  const { AF_INET, IPPROTO_TCP, SOCK_STREAM, TCP_MAXSEG, TCP_NODELAY, demi_init } = require(${JSON.stringify(join(__dirname, '..', '..', 'dist'))});
  const data = Buffer.alloc(300_000, 'demikernel');
  const readAll = async (os, qd, bytes) => {
    let got = Buffer.alloc(0);
    while (got.length < bytes) { const { sga } = await os.pop(qd); if (sga.byteLength === 0) break; got = Buffer.concat([got, sga.toBuffer()]); sga.free(); }
    return got;
  };
  const roles = {
    async server(os, socket) {
      os.bind(socket, '${SERVER.address}:7');
      os.listen(socket, 4);
      process.stdout.write('listening');
      const { newQd } = await os.accept(socket);
      await os.push(newQd, await readAll(os, newQd, data.length));
      await os.pop(newQd);
      await os.close(newQd);
    },
    async client(os, socket) {
      await os.connect(socket, '${SERVER.address}:7', { timeout: 10_000 });
      await os.push(socket, data);
      const same = (await readAll(os, socket, data.length)).equals(data);
      const { device, ignored } = os.info().config;
      process.stdout.write(JSON.stringify({ same, mss: os.getsockopt(socket, IPPROTO_TCP, TCP_MAXSEG), nodelay: os.getsockopt(socket, IPPROTO_TCP, TCP_NODELAY), device, ignored }));
      await os.close(socket);
    },
  };
  (async () => {
    const os = demi_init();
    await roles[process.argv[1]](os, os.socket(AF_INET, SOCK_STREAM));
    await os.stop();
  })().catch((error) => { console.error(error); process.exit(1); });
`;

/** Starts the server, then, when it listens, the client; prints what the client has printed. */
const BOTH = `
  const { execFileSync, spawn } = require('node:child_process');
  const ip = (text) => execFileSync('ip', text.split(' '));
  ip('link add ${CLIENT.interface} address ${CLIENT.mac} type veth peer name ${SERVER.interface} address ${SERVER.mac}');
  for (const name of ['${CLIENT.interface}', '${SERVER.interface}']) ip('link set ' + name + ' up');
  const start = (role) => spawn(process.execPath, ['-e', process.env.PEER, role], {
    env: { ...process.env, LIBOS: 'catpowder', CONFIG_PATH: role + '.yaml' }, stdio: ['ignore', 'pipe', 'inherit'],
  });
  const server = start('server');
  server.on('exit', (status) => { if (status !== 0) process.exit(1); });
  server.stdout.once('data', () => {
    const client = start('client');
    client.stdout.pipe(process.stdout);
    client.on('exit', (status) => { if (status !== 0) { server.kill('SIGKILL'); process.exit(1); } });
  });
`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'demi-demikernel-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

withRights.each([['with the tables', TABLE], ['without, by ARP', '']])('two of them talk: %s', (_, table) => {
  writeFileSync(join(folder, 'client.yaml'), file(CLIENT, table));
  writeFileSync(join(folder, 'server.yaml'), file(SERVER, table));
  const { DEMI_LIBOS: _libos, DEMI_CONFIG: _config, MTU: _mtu, MSS: _mss, ...env } = process.env;
  const ran = spawnSync('unshare', ['-n', process.execPath, '-e', BOTH], { cwd: folder, encoding: 'utf8', timeout: RUN_MS, env: { ...env, PEER } });
  expect(ran).toMatchObject({ status: 0, stderr: '' });
  const outcome = JSON.parse(ran.stdout) as { same: boolean; mss: number; nodelay: boolean; device: unknown; ignored: string[] };
  expect(outcome).toMatchObject({ same: true, nodelay: true, device: { kind: 'interface', name: CLIENT.interface } });
  // Without the 12 bytes of the timestamps, or with them.
  expect([1438, 1450]).toContain(outcome.mss);
  expect(outcome.ignored).toContain('tcp_socket_options.linger: a socket asks for it with SO_LINGER');
  expect(outcome.ignored).toContain('dpdk');
});
