import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { checkConfig, loadConfig } from '../../../lib/core/config';
import { DemiError } from '../../../lib/core/errors';

function errorOf(call: () => unknown): DemiError {
  try {
    call();
  } catch (error) {
    return error as DemiError;
  }
  throw new Error('nothing was thrown');
}

const IN_THIS_BUILD = process.platform === 'linux' ? "'loopback', 'catnap', 'catpowder', 'catnip'" : "'loopback', 'catpowder'";
const check = (value: unknown) => checkConfig(value, 'createLibOS(config)');

describe('a configuration object', () => {
  test('the least there can be, with every default', () => {
    expect(check({ libos: 'loopback' })).toEqual({
      libos: 'loopback',
      loopback: { namespace: '' },
      poll: 'adaptive',
      limits: { queues: 65536, tokens: 1048576, connections: 65536, bufferBytes: 256 * 1024 * 1024 },
      ignored: [],
    });
  });

  test('everything given', () => {
    const config = {
      libos: 'loopback',
      loopback: { namespace: 'a' },
      poll: 'busy',
      affinity: 0,
      limits: { queues: 1, tokens: 2 ** 21, connections: 5, bufferBytes: 2 ** 21 },
    };
    expect(check(config)).toEqual({ ...config, ignored: [] });
  });

  test('connections follow queues unless they are given', () => {
    expect(check({ libos: 'loopback', limits: { queues: 10 } }).limits.connections).toBe(10);
  });

  test('undefined is the same as left out', () => {
    const given = { libos: 'loopback', loopback: undefined, poll: undefined, affinity: undefined, limits: { queues: undefined } };
    expect(check(given)).toEqual(check({ libos: 'loopback' }));
    expect(check({ libos: 'loopback', loopback: { namespace: undefined } }).loopback.namespace).toBe('');
  });

  test('sections of other libOSes are listed as ignored', () => {
    expect(check({ libos: 'loopback', inet: { addresses: ['10.0.0.1/24'] }, dpdk: 5 }).ignored).toEqual(['inet', 'dpdk']);
  });

  test('catnap is in the build on Linux', () => {
    const checking = () => check({ libos: 'catnap' }).libos;
    if (process.platform === 'linux') expect(checking()).toBe('catnap');
    else expect(errorOf(checking)).toMatchObject({ code: 'ENOTSUP' });
  });

  test('catnip is in the build on Linux, and needs to know its address', () => {
    const address = { inet: { addresses: ['10.77.0.2/24'] } };
    const checking = (more: object) => check({ libos: 'catnip', ...more });
    if (process.platform !== 'linux') return expect(errorOf(() => checking(address))).toMatchObject({ code: 'ENOTSUP' });
    const { inet, dpdk, device, ignored } = checking({ ...address, device: { hub: 'x' } });
    // The port decides about the MTU.
    expect(inet).toMatchObject({ addresses: ['10.77.0.2/24'], mtu: 0 });
    expect(dpdk).toEqual({ eal: [], port: '0', queues: 1, queue: 0, mbufs: 4096 });
    expect([device, ignored]).toEqual([undefined, ['device']]);
    expect(errorOf(() => checking({})).message).toContain('inet.addresses');
  });

  test.each(['catmem', 'sim'])('libos %s is not in this build', (libos) => {
    const error = errorOf(() => check({ libos }));
    expect(error).toMatchObject({ code: 'ENOTSUP', syscall: 'createLibOS' });
    expect(error.message).toBe(
      `ENOTSUP: operation not supported, createLibOS: libos '${libos}' is not in this build, which has ${IN_THIS_BUILD} (createLibOS(config))`,
    );
  });

  test.each([
    [{ libos: 'lopback' }, "libos must be one of 'loopback', 'catnap'", "it is 'lopback'"],
    [{ libos: '' }, 'libos must be one of', "it is ''"],
    [{ libos: 'loopback', poll: 'fast' }, "poll must be one of 'adaptive', 'busy', 'sleep'", "it is 'fast'"],
    [{ libos: 'loopback', affinity: -1 }, 'affinity must be an integer from 0', 'it is -1'],
    [{ libos: 'loopback', affinity: 1.5 }, 'affinity must be an integer', 'it is 1.5'],
    [{ libos: 'loopback', affinity: 1024 }, 'affinity must be an integer from 0 to 1023', 'it is 1024'],
    [{ libos: 'loopback', limits: { queues: 0 } }, 'limits.queues must be an integer from 1 to 1048576', 'it is 0'],
    [{ libos: 'loopback', limits: { queues: 1048577 } }, 'limits.queues', 'it is 1048577'],
    [{ libos: 'loopback', limits: { tokens: 2 ** 21 + 1 } }, 'limits.tokens must be an integer from 1 to 2097152', 'it is 2097153'],
    [{ libos: 'loopback', limits: { connections: NaN } }, 'limits.connections', 'it is NaN'],
    [{ libos: 'loopback', limits: { bufferBytes: 2 ** 21 - 1 } }, 'limits.bufferBytes must be an integer from 2097152', 'it is 2097151'],
    [{ libos: 'loopback', limits: { bufferBytes: Infinity } }, 'limits.bufferBytes', 'it is Infinity'],
    [{ libos: 'loopback', loopback: { namespace: 'n'.repeat(256) } }, 'loopback.namespace must be a string of at most 255', 'it is'],
  ])('%j is a wrong value', (value, what, given) => {
    const error = errorOf(() => check(value));
    expect(error).toMatchObject({ code: 'EINVAL', syscall: 'createLibOS' });
    expect(error.message).toContain(what);
    expect(error.message).toContain(given);
    expect(error.message).toContain('(createLibOS(config))');
  });

  test.each([
    [undefined, 'configuration'], [null, 'configuration'], ['loopback', 'configuration'], [[], 'configuration'], [5, 'configuration'],
    [{}, 'libos'], [{ libos: 5 }, 'libos'], [{ libos: null }, 'libos'],
    [{ libos: 'loopback', poll: true }, 'poll'],
    [{ libos: 'loopback', affinity: '1' }, 'affinity'],
    [{ libos: 'loopback', affinity: null }, 'affinity'],
    [{ libos: 'loopback', limits: 5 }, 'limits'],
    [{ libos: 'loopback', limits: [] }, 'limits'],
    [{ libos: 'loopback', limits: null }, 'limits'],
    [{ libos: 'loopback', limits: { tokens: '5' } }, 'limits.tokens'],
    [{ libos: 'loopback', limits: { bufferBytes: 2n ** 22n } }, 'limits.bufferBytes'],
    [{ libos: 'loopback', loopback: 'a' }, 'loopback'],
    [{ libos: 'loopback', loopback: { namespace: 5 } }, 'loopback.namespace'],
  ])('%p has a wrong type', (value, key) => {
    const error = errorOf(() => check(value));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.code).toBe('ERR_INVALID_ARG_TYPE');
    expect(error.message.startsWith(`createLibOS: ${key} must be `)).toBe(true);
  });

  test.each([
    [{ libOS: 'loopback' }, "'libOS' is not a key of the configuration; did you mean 'libos'?"],
    [{ libos: 'loopback', limit: {} }, "'limit' is not a key of the configuration; did you mean 'limits'?"],
    [{ libos: 'loopback', pol: 'busy' }, "did you mean 'poll'?"],
    [{ libos: 'loopback', limits: { queue: 5 } }, "'limits.queue' is not a key of the configuration; did you mean 'limits.queues'?"],
    [{ libos: 'loopback', limits: { buffer_bytes: 5 } }, "did you mean 'limits.bufferBytes'?"],
    [{ libos: 'loopback', loopback: { name: 'a' } }, "'loopback.name' is not a key of the configuration; valid keys are 'namespace'"],
    [{ libos: 'loopback', somethingElse: 1 }, "valid keys are 'libos', 'loopback', 'inet', 'device', 'dpdk', 'poll', 'affinity', 'limits'"],
    [{ libos: 'loopback', demikernel: {} }, "'demikernel' is not a key"],
    [JSON.parse('{ "libos": "loopback", "__proto__": { "poll": "busy" } }'), "'__proto__' is not a key"],
  ])('%j has an unknown key', (value, message) => {
    const error = errorOf(() => check(value));
    expect(error.code).toBe('EINVAL');
    expect(error.message).toContain(message);
  });
});

describe('finding a configuration', () => {
  let folder: string;
  const write = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const load = (env: Record<string, string> = {}) => loadConfig(env, folder);

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'demi-config-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('nothing anywhere: loopback', () => {
    expect(load()).toEqual({ config: check({ libos: 'loopback' }), origin: 'default' });
  });

  test('it reads the real environment and working directory by default', () => {
    expect(loadConfig().config.libos).toBe('loopback');
  });

  test('DEMI_LIBOS names the libOS, and no file is read', () => {
    write('demi.config.json', 'this is not JSON');
    const { config, origin } = load({ DEMI_LIBOS: 'loopback' });
    expect(config.libos).toBe('loopback');
    expect(origin).toBe('environment variable DEMI_LIBOS');
    expect(config.ignored).toEqual([`file ${join(folder, 'demi.config.json')}`]);
  });

  test('DEMI_CONFIG names a file, relative to the working directory or not', () => {
    const path = write('a.json', '{ "libos": "loopback", "poll": "busy" }');
    expect(load({ DEMI_CONFIG: 'a.json' }).config.poll).toBe('busy');
    expect(load({ DEMI_CONFIG: path }).origin).toBe(`environment variable DEMI_CONFIG, file ${path}`);
  });

  test('DEMI_LIBOS replaces only the libos key of the file of DEMI_CONFIG', () => {
    const path = write('a.yaml', 'libos: catnap\npoll: sleep\n');
    const { config, origin } = load({ DEMI_LIBOS: 'loopback', DEMI_CONFIG: 'a.yaml' });
    expect(config).toMatchObject({ libos: 'loopback', poll: 'sleep' });
    expect(origin).toBe(`environment variable DEMI_LIBOS and environment variable DEMI_CONFIG, file ${path}`);
  });

  test('LIBOS and CONFIG_PATH mean the same, and lose to ours', () => {
    write('a.yaml', 'poll: sleep\n');
    write('b.yaml', 'libos: loopback\npoll: busy\n');
    expect(load({ LIBOS: 'loopback' })).toMatchObject({ origin: 'environment variable LIBOS' });
    expect(load({ LIBOS: 'loopback', CONFIG_PATH: 'a.yaml' }).config.poll).toBe('sleep');
    const { config, origin } = load({ LIBOS: 'catnap', CONFIG_PATH: 'a.yaml', DEMI_CONFIG: 'b.yaml' });
    expect(config.poll).toBe('busy');
    expect(origin).toContain('DEMI_CONFIG');
    expect(config.ignored).toEqual(['environment variable LIBOS', 'environment variable CONFIG_PATH']);
  });

  test('MTU and MSS are known and have no effect here', () => {
    expect(load({ MTU: '1500', MSS: '1460' }).config.ignored).toEqual(['environment variable MTU', 'environment variable MSS']);
  });

  test('a variable that is empty counts as not set', () => {
    expect(load({ DEMI_LIBOS: '', DEMI_CONFIG: '', LIBOS: '', CONFIG_PATH: '', MTU: '' })).toMatchObject({
      origin: 'default',
      config: { ignored: [] },
    });
  });

  test('files in the working directory: JSON before YAML', () => {
    const yaml = write('demi.config.yaml', 'libos: loopback\npoll: sleep\n');
    expect(load()).toMatchObject({ origin: `file ${yaml}`, config: { poll: 'sleep' } });
    const json = write('demi.config.json', '{ "libos": "loopback", "poll": "busy" }');
    expect(load()).toMatchObject({ origin: `file ${json}`, config: { poll: 'busy', ignored: [`file ${yaml}`] } });
  });

  test('JSON that is indented with tabs is JSON', () => {
    write('demi.config.json', '{\n\t"libos": "loopback",\n\t"limits": {\n\t\t"queues": 7\n\t}\n}\n');
    expect(load().config.limits.queues).toBe(7);
  });

  test("a file of Demikernel's works; what is not for loopback is ignored", () => {
    write('demikernel.yaml', 'demikernel:\n  name: "x"\nraw_socket:\n  linux_interface_name: "eth0"\ndpdk:\n  eal_init: ["-c", "0xff"]\n');
    expect(load({ LIBOS: 'loopback', CONFIG_PATH: 'demikernel.yaml' }).config.ignored).toEqual(['demikernel', 'raw_socket', 'dpdk']);
  });

  test('yaml is loaded only when a file is read', () => {
    jest.isolateModules(() => {
      const loaded = jest.fn();
      jest.doMock('yaml', () => {
        loaded();
        return jest.requireActual('yaml');
      });
      const fresh = require('../../../lib/core/config') as typeof import('../../../lib/core/config');
      fresh.loadConfig({ DEMI_LIBOS: 'loopback' }, folder);
      expect(loaded).not.toHaveBeenCalled();
      write('demi.config.yaml', 'libos: loopback\n');
      fresh.loadConfig({}, folder);
      expect(loaded).toHaveBeenCalled();
      jest.dontMock('yaml');
    });
  });

  test('a file that is not there names path and variable', () => {
    const error = errorOf(() => load({ DEMI_CONFIG: 'missing.json' }));
    expect(error).toMatchObject({ code: 'ENOENT', syscall: 'open' });
    expect(error.message).toContain(join(folder, 'missing.json'));
    expect(error.message).toContain('environment variable DEMI_CONFIG');
    expect(error.cause).toMatchObject({ code: 'ENOENT' });
  });

  test('a folder is not a file', () => {
    mkdirSync(join(folder, 'demi.config.json'));
    expect(errorOf(() => load())).toMatchObject({ code: 'EINVAL', syscall: 'open' });
    expect(errorOf(() => load()).message).toContain('is a directory');
  });

  test.each([
    ['{ "libos": "loopback",\n  "poll": "busy"\n', 'a.json', 'line 3'],
    ['{\n  "libos": "loopback"\n  "poll": "busy"\n}\n', 'a.json', 'line 3'],
    ['libos: loopback\nlimits:\n  queues: [1\n', 'a.yaml', 'line'],
    ['libos: loopback\nlibos: loopback\n', 'a.yaml', 'line 2'],
    ['libos: loopback\n\tpoll: busy\n', 'a.yaml', 'line 2'],
    ['libos: loopback\n---\nlibos: loopback\n', 'a.yaml', 'line 2'],
  ])('%j is neither JSON nor YAML', (text, name, where) => {
    const path = write(name, text);
    const error = errorOf(() => load({ DEMI_CONFIG: name }));
    expect(error.code).toBe('EINVAL');
    expect(error.message).toContain(`configuration file ${path}, ${where}`);
    expect(error.message).not.toContain('\n');
  });

  test.each([
    ['', 'it is empty'], ['null', 'it is empty'], ['[]', 'it is an array of 0'], ['loopback', "it is 'loopback'"],
    ['libos: *nothing\n', 'nothing'],
    ['a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nlibos: [*c,*c,*c,*c,*c,*c,*c]\n', 'alias'],
  ])('%j holds no configuration', (text, what) => {
    write('demi.config.yaml', text);
    const error = errorOf(() => load());
    expect(error.code).toBe('EINVAL');
    expect(error.message).toContain(join(folder, 'demi.config.yaml'));
    expect(error.message.toLowerCase()).toContain(what);
  });

  test.each([
    ['libos: 5\n', 'libos must be one of'],
    ['poll: busy\n', 'libos must be one of'],
    ['libos: loopback\npoll: on\n', "it is 'on'"],
    ['libos: loopback\nlimits: { queues: "5" }\n', "limits.queues must be an integer from 1 to 1048576; it is '5'"],
    ['libos: loopback\nlimts: {}\n', "did you mean 'limits'?"],
  ])('%j: what is wrong in a file is EINVAL with its name, not a TypeError', (text, what) => {
    const path = write('demi.config.yaml', text);
    const error = errorOf(() => load());
    expect(error).toMatchObject({ code: 'EINVAL' });
    expect(error.message).toContain(what);
    expect(error.message).toContain(path);
  });

  test('a wrong name in a variable names the variable', () => {
    expect(errorOf(() => load({ DEMI_LIBOS: 'foo' })).message).toContain("it is 'foo' (environment variable DEMI_LIBOS)");
    expect(errorOf(() => load({ LIBOS: 'catmem' }))).toMatchObject({ code: 'ENOTSUP' });
  });
});
