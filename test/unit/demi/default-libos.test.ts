// The demi_* functions: the calls of the thread's default libOS, which the first of them makes.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import * as demi from '../../../lib';

const wrong = (value: unknown): never => value as never;

afterEach(() => demi.demi_fini());

test('the first call makes the default libOS, and demi_init says so', async () => {
  const qd = demi.demi_queue();
  expect(() => demi.demi_init({ libos: 'loopback' })).toThrow(/EEXIST.*'loopback' \(default\); demi_fini\(\) ends it/);
  await demi.demi_close(qd);
  await demi.demi_fini();
  await demi.demi_fini();
  expect(demi.demi_init({ libos: 'loopback', limits: { queues: 1 } }).info()).toMatchObject({ origin: 'demi_init(config)', config: { limits: { queues: 1 } } });
  demi.demi_queue();
  expect(() => demi.demi_queue()).toThrow('EMFILE');
});

test('demi_fini with wrong options leaves the libOS where it is', async () => {
  const os = demi.demi_init();
  await expect(demi.demi_fini(wrong({ timeout: -1 }))).rejects.toMatchObject({ code: 'EINVAL' });
  await expect(demi.demi_fini(wrong('now'))).rejects.toBeInstanceOf(TypeError);
  expect(() => demi.demi_init()).toThrow('EEXIST');
  expect(() => os.queue()).not.toThrow();
});

test('one that its LibOS has stopped makes room for the next', async () => {
  {
    await using os = demi.demi_init();
    os.queue();
  }
  expect(demi.demi_queue()).toBeGreaterThan(0);
  await demi.demi_fini();
  await demi.demi_init().stop();
  expect(() => demi.demi_init()).not.toThrow();
});

test('a configuration that is refused makes nothing', () => {
  expect(() => demi.demi_init(wrong({ libos: 'loopback', qeues: 1 }))).toThrow(/EINVAL.*'qeues' is not a key/);
  expect(() => demi.demi_init(wrong(5))).toThrow(TypeError);
  expect(() => demi.demi_init()).not.toThrow();
});

test('a file that is missing or wrong is named', () => {
  const folder = mkdtempSync(join(tmpdir(), 'demi-config-'));
  const before = process.env['DEMI_CONFIG'];
  try {
    const file = (process.env['DEMI_CONFIG'] = join(folder, 'demi.json'));
    expect(() => demi.demi_queue()).toThrow(expect.objectContaining({ code: 'ENOENT', message: expect.stringContaining(file) as string }));
    writeFileSync(file, '{ "libos": "loopback", "limits": { "token": 5 } }');
    expect(() => demi.demi_init()).toThrow(/EINVAL.*'limits.token' is not a key.*'limits.tokens'/);
    writeFileSync(file, '{ "libos": "loopback", "limits": { "tokens": 5 } }');
    expect(demi.demi_init().info().config.limits.tokens).toBe(5);
  } finally {
    if (before === undefined) delete process.env['DEMI_CONFIG'];
    else process.env['DEMI_CONFIG'] = before;
    rmSync(folder, { recursive: true });
  }
});

test('a round trip through every function', async () => {
  const listener = demi.demi_socket(demi.AF_INET, demi.SOCK_STREAM);
  demi.demi_setsockopt(listener, demi.SOL_SOCKET, demi.SO_REUSEADDR, true);
  expect(demi.demi_getsockopt(listener, demi.SOL_SOCKET, demi.SO_REUSEADDR)).toBe(true);
  demi.demi_bind(listener, '127.0.0.1:0');
  demi.demi_listen(listener, 1);
  const client = demi.demi_socket(demi.AF_INET, demi.SOCK_STREAM, 0);
  const connecting = demi.demi_connect(client, demi.demi_getsockname(listener));
  const [accepted, connected] = demi.demi_wait_all([demi.demi_accept(listener), connecting]);
  if (accepted.opcode !== 'accept') throw accepted.error;
  expect(connected.opcode).toBe('connect');
  expect(demi.demi_getpeername(client)).toEqual(demi.demi_getsockname(listener));
  const sga = demi.demi_sgaalloc(2);
  sga.segments[0].set([1, 2]);
  demi.demi_push(client, sga);
  const { index, result } = demi.demi_wait_any([demi.demi_pop(accepted.newQd, 1, { timeout: 1000 })]);
  expect(index).toBe(0);
  if (result.opcode !== 'pop') throw result.error;
  expect([...result.sga.toBuffer()]).toEqual([1]);
  demi.demi_sgafree(result.sga);
  const [next] = [demi.demi_pop(accepted.newQd, { timeout: 1000 })].map((qt) => demi.demi_wait(qt));
  if (next.opcode !== 'pop') throw next.error;
  next.sga.free();
  const cancelled = demi.demi_pop(client);
  demi.demi_cancel(cancelled);
  await expect(cancelled).rejects.toMatchObject({ code: 'ECANCELED' });
  expect((await demi.demi_shutdown(client, demi.SHUT_WR)).opcode).toBe('shutdown');
  const datagrams = demi.demi_socket(demi.AF_INET, demi.SOCK_DGRAM);
  demi.demi_bind(datagrams, '127.0.0.1:0');
  await demi.demi_pushto(datagrams, 'to itself', demi.demi_getsockname(datagrams));
  (await demi.demi_pop(datagrams)).sga.free();
  const pipe = demi.demi_create_pipe('a pipe');
  demi.demi_wait_next_n(1000, 0);
  const pushing = demi.demi_push(demi.demi_open_pipe('a pipe'), 'x');
  expect(demi.demi_wait_next_n(1, 0)[0].qt).toBe(pushing);
  (await demi.demi_pop(pipe)).sga.free();
});
