// Configuration: the object that createLibOS takes, and where demi_init finds one when it is given none.

import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { describe } from './arguments';
import { DEMIKERNEL_VARIABLES, fromDemikernel } from './demikernel-config';
import { checkDpdk, type DpdkConfig, type ResolvedDpdk } from './dpdk-config';
import { DemiError, isErrorCode } from './errors';
import { checkInet, checkInetOfPort, type DeviceConfig, type InetConfig, type ResolvedDevice, type ResolvedInet } from './inet-config';
import { quoted, ValueChecker } from './value-checker';

const SYSCALL = 'createLibOS';

/** The libOSes that demi-io knows by name; which of them a build has, `createLibOS` says. */
export type LibOSName = 'loopback' | 'catnap' | 'catmem' | 'sim' | 'catpowder' | 'catnip';

/** Bounds of one libOS; what exceeds one fails with `EAGAIN`, `EMFILE` or `ENOMEM` and changes nothing. */
export interface Limits {
  /** Open queue descriptors: 1 to 1048576, default 65536. */
  queues?: number;
  /** Tokens that are pending or whose pop or accept result nobody collected: 1 to 2097152, default 1048576. */
  tokens?: number;
  /** Connections, those included that were closed and still deliver: 1 to 1048576, default as many as `queues`. */
  connections?: number;
  /** Bytes of the buffers of all pushes and pops together: 2 MiB to 16 GiB, default 256 MiB. */
  bufferBytes?: number;
}

/** How a libOS waits for work. */
export type PollMode = 'adaptive' | 'busy' | 'sleep';

/**
 * The configuration of a libOS. Sections that belong to other libOSes have no effect, so one configuration can serve several.
 *
 * @example
 * ```ts
 * import { type LibOSConfig, createLibOS } from 'demi-io';
 *
 * const config: LibOSConfig = { libos: 'loopback', limits: { queues: 1024 } };
 * const os = createLibOS(config);
 * ```
 */
export interface LibOSConfig {
  /** Which libOS moves the bytes. */
  libos: LibOSName;
  /** What only `loopback` has. */
  loopback?: {
    /** libOSes of one environment with the same namespace see each other; by default all do. */
    namespace?: string;
  };
  /** The network of libOSes that have a TCP/IP stack of their own: `catpowder`, `catnip`. */
  inet?: InetConfig;
  /** What moves the frames of `catpowder`. */
  device?: DeviceConfig;
  /** The port of DPDK that `catnip` runs on. */
  dpdk?: DpdkConfig;
  /**
   * How it waits for work: `'adaptive'` (the default) spins for some 50 us after the last progress (500 us on `catnip`, whose devices wake nobody) and then lets the event loop sleep;
   * `'busy'` spins while operations are pending; `'sleep'` never spins, and `demi_wait*` sleeps, too. On `loopback`, which nothing reaches
   * from outside, `'adaptive'` does what `'sleep'` does.
   */
  poll?: PollMode;
  /** The number of the CPU that the calling thread is kept on. */
  affinity?: number;
  /** Bounds of what it holds. */
  limits?: Limits;
}

/** A configuration that was checked and has every default filled in. */
export interface ResolvedConfig {
  readonly libos: LibOSName;
  readonly loopback: { readonly namespace: string };
  /** Of libOSes with a stack; `addresses` is empty when the libOS is to choose one for itself. */
  readonly inet?: ResolvedInet;
  /** Of `catpowder`. */
  readonly device?: ResolvedDevice;
  /** Of `catnip`. */
  readonly dpdk?: ResolvedDpdk;
  readonly poll: PollMode;
  readonly affinity?: number;
  readonly limits: Readonly<Required<Limits>>;
  /** What was given and has no effect on this libOS: sections of other libOSes, environment variables that lost or do not apply. */
  readonly ignored: readonly string[];
}

/** The libOSes of this build. */
export const LIBOSES_IN_THIS_BUILD: readonly LibOSName[] = process.platform === 'linux' ? ['loopback', 'catnap', 'catpowder', 'catnip'] : ['loopback', 'catpowder'];

const ALL_LIBOSES: readonly LibOSName[] = ['loopback', 'catnap', 'catmem', 'sim', 'catpowder', 'catnip'];
const POLL_MODES: readonly PollMode[] = ['adaptive', 'busy', 'sleep'];

const MEBIBYTE = 1024 * 1024;
// [smallest, largest]: a descriptor has 20 bits for its slot, a token 21; below two windows of 1 MiB a pool cannot serve two sizes.
const LIMIT_BOUNDS = {
  queues: [1, 2 ** 20],
  tokens: [1, 2 ** 21],
  connections: [1, 2 ** 20],
  bufferBytes: [2 * MEBIBYTE, 2 ** 34],
} as const;
// cpu_set_t of Linux has so many bits.
const AFFINITY_MAX = 1023;
const NAMESPACE_LENGTH_MAX = 255;

const KEYS = ['libos', 'loopback', 'inet', 'device', 'dpdk', 'poll', 'affinity', 'limits'];
// Sections that only some libOSes have.
const SECTIONS_OF: Partial<Record<LibOSName, readonly string[]>> = { catpowder: ['inet', 'device'], catnip: ['inet', 'dpdk'] };
const SECTIONS_OF_STACKS = ['inet', 'device', 'dpdk'];

/** Checks one configuration. */
class ConfigChecker extends ValueChecker {
  libos(value: unknown): LibOSName {
    const name = this.oneOf('libos', value, ALL_LIBOSES);
    if (LIBOSES_IN_THIS_BUILD.includes(name)) return name;
    const here = quoted(LIBOSES_IN_THIS_BUILD);
    throw new DemiError('ENOTSUP', SYSCALL, { detail: `libos '${name}' is not in this build, which has ${here} (${this.source})` });
  }

  namespace(value: unknown): string {
    if (value === undefined) return '';
    const section = this.section('loopback', value, ['namespace']);
    const namespace = section['namespace'];
    if (namespace === undefined) return '';
    const valid = `a string of at most ${NAMESPACE_LENGTH_MAX} characters`;
    if (typeof namespace !== 'string') throw this.wrongType('loopback.namespace', namespace, valid);
    if (namespace.length > NAMESPACE_LENGTH_MAX) throw this.wrongValue('loopback.namespace', namespace, valid);
    return namespace;
  }

  limits(value: unknown): Required<Limits> {
    const section = value === undefined ? {} : this.section('limits', value, Object.keys(LIMIT_BOUNDS));
    const limit = (key: keyof Limits, otherwise: number): number => {
      const [min, max] = LIMIT_BOUNDS[key];
      return section[key] === undefined ? otherwise : this.integer(`limits.${key}`, section[key], min, max);
    };
    const queues = limit('queues', 65536);
    return {
      queues,
      tokens: limit('tokens', 2 ** 20),
      connections: limit('connections', queues),
      bufferBytes: limit('bufferBytes', 256 * MEBIBYTE),
    };
  }

  config(value: unknown, ignoredVariables: readonly string[]): ResolvedConfig {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw this.wrongType('configuration', value, `an object such as { libos: 'loopback' }`);
    }
    const { libos, loopback, inet, device, dpdk, poll, affinity, limits } = value as Record<string, unknown>;
    const given = Object.keys(value);
    for (const key of given) if (!KEYS.includes(key)) throw this.unknownKey('configuration', key, KEYS);
    const name = this.libos(libos);
    const own = SECTIONS_OF[name] ?? [];
    const ignored = given.filter((key) => SECTIONS_OF_STACKS.includes(key) && !own.includes(key));
    return {
      libos: name,
      loopback: { namespace: this.namespace(loopback) },
      ...(name === 'catpowder' ? checkInet(this, inet, device) : {}),
      ...(name === 'catnip' ? { inet: checkInetOfPort(this, inet), dpdk: checkDpdk(this, dpdk) } : {}),
      poll: poll === undefined ? 'adaptive' : this.oneOf('poll', poll, POLL_MODES),
      ...(affinity === undefined ? {} : { affinity: this.integer('affinity', affinity, 0, AFFINITY_MAX) }),
      limits: this.limits(limits),
      ignored: [...ignoredVariables, ...ignored],
    };
  }
}

/**
 * Checks a configuration that a program passed, and fills in the defaults. It reads no environment and no file.
 *
 * @param source - where it came from, for the errors: `'createLibOS(config)'`.
 * @throws TypeError if a value has the wrong JavaScript type.
 * @throws {@link DemiError} `EINVAL` if a key is unknown or a value is not valid, `ENOTSUP` if the libOS is not in this build.
 */
export function checkConfig(value: unknown, source: string): ResolvedConfig {
  return new ConfigChecker(source, true).config(value, []);
}

/** A configuration that was found, and what it was found in. */
export interface LoadedConfig {
  readonly config: ResolvedConfig;
  /** What decided: `'environment variable DEMI_LIBOS'`, `'file /srv/demi.config.json'`, `'default'`. */
  readonly origin: string;
}

/**
 * Reads a configuration file: YAML, and JSON as the part of YAML that it is, so that one parser says in which line a mistake is.
 */
function readConfigFile(path: string, namedBy: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const known = isErrorCode(code) ? code : code === 'EISDIR' ? 'EINVAL' : 'EIO';
    const directory = code === 'EISDIR' ? ' is a directory' : '';
    throw new DemiError(known, 'open', { detail: `configuration file ${path}${directory} (${namedBy})`, cause });
  }
  // Loaded here and not above: programs that read no file do not pay for it.
  const yaml = require('yaml') as typeof import('yaml');
  const lines = new yaml.LineCounter();
  const document = yaml.parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    const [error] = document.errors;
    const { line, col } = lines.linePos(error.pos[0]);
    const detail = `configuration file ${path}, line ${line}, column ${col}: ${error.message} (${namedBy})`;
    throw new DemiError('EINVAL', SYSCALL, { detail, cause: error });
  }
  const value = toPlainValue(document, path, namedBy);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const shown = value === null ? 'empty' : describe(value);
    const detail = `configuration file ${path} must hold an object such as { "libos": "loopback" }; it is ${shown} (${namedBy})`;
    throw new DemiError('EINVAL', SYSCALL, { detail });
  }
  return value as Record<string, unknown>;
}

/** Resolves the aliases of a document, which can fail: one may name nothing, or a few may multiply without bound. */
function toPlainValue(document: { toJS(): unknown }, path: string, namedBy: string): unknown {
  try {
    return document.toJS();
  } catch (cause) {
    const detail = `configuration file ${path}: ${(cause as Error).message} (${namedBy})`;
    throw new DemiError('EINVAL', SYSCALL, { detail, cause });
  }
}

interface Family {
  /** The variable that names the libOS. */
  readonly libos: string;
  /** The variable that names a file. */
  readonly file: string;
}

// Ours first, then those of Demikernel. They are not mixed: the first family with a variable that is set decides.
const FAMILIES: readonly Family[] = [
  { libos: 'DEMI_LIBOS', file: 'DEMI_CONFIG' },
  { libos: 'LIBOS', file: 'CONFIG_PATH' },
];
const FILES = ['demi.config.json', 'demi.config.yaml'];

type Environment = Readonly<Record<string, string | undefined>>;

/** A variable that is set to nothing counts as not set. */
function isSet(env: Environment, name: string): boolean {
  return env[name] !== undefined && env[name] !== '';
}

/** Checks what was found outside the program; what is in Demikernel's terms becomes ours first. */
function checkFound(origin: string, value: Record<string, unknown>, ignored: readonly string[], variables: Environment = {}): LoadedConfig {
  const checker = new ConfigChecker(origin, false);
  const ours = fromDemikernel(checker, value, variables);
  return { config: checker.config(ours.config, [...ignored, ...ours.ignored]), origin };
}

/** Demikernel's variables beside its family; they apply only with it. */
function variablesWith(family: Family | undefined, env: Environment): Environment {
  if (family?.libos !== 'LIBOS') return {};
  return Object.fromEntries(DEMIKERNEL_VARIABLES.filter((name) => isSet(env, name)).map((name) => [name, env[name]]));
}

function fromVariables(env: Environment, cwd: string, family: Family, ignored: readonly string[]): LoadedConfig {
  const variable = (name: string): string => `environment variable ${name}`;
  if (!isSet(env, family.file)) {
    return checkFound(variable(family.libos), { libos: env[family.libos] }, ignored, variablesWith(family, env));
  }
  const path = resolve(cwd, env[family.file] as string);
  const fileOrigin = `${variable(family.file)}, file ${path}`;
  const value = readConfigFile(path, variable(family.file));
  const overridden = isSet(env, family.libos);
  const origin = overridden ? `${variable(family.libos)} and ${fileOrigin}` : fileOrigin;
  if (overridden) value['libos'] = env[family.libos];
  return checkFound(origin, value, ignored, variablesWith(family, env));
}

/**
 * Finds the configuration of the default libOS when the program gives none.
 *
 * The first of these that is there decides: the environment variables `DEMI_LIBOS` (the name of a libOS) and `DEMI_CONFIG` (the path of
 * a JSON or YAML file); Demikernel's `LIBOS` and `CONFIG_PATH`, which mean the same; `demi.config.json`, then `demi.config.yaml`, in
 * the working directory; otherwise `loopback` with its defaults. When both variables of a pair are set, the name replaces only the
 * `libos` key of the file. When only the name is set, no file is read. A file may have Demikernel's own sections; with `LIBOS` or `CONFIG_PATH`
 * its variables `MTU` and `MSS` count, too, and more than the file. What lost or has no effect is listed in `ignored`.
 *
 * @throws {@link DemiError} `ENOENT` or `EACCES` if a file that a variable names cannot be read; `EINVAL` if a file is not JSON or YAML
 * (with its line), a key is unknown or a value is not valid; `ENOTSUP` if the libOS is not in this build.
 */
export function loadConfig(env: Environment = process.env, cwd: string = process.cwd()): LoadedConfig {
  const variables = FAMILIES.flatMap((family) => [family.libos, family.file]);
  const winner = FAMILIES.find((family) => isSet(env, family.libos) || isSet(env, family.file));
  const files = FILES.map((name) => join(cwd, name)).filter((path) => existsSync(path));

  const applying = [winner?.libos, winner?.file, ...Object.keys(variablesWith(winner, env))];
  const ignored = [...variables, ...DEMIKERNEL_VARIABLES]
    .filter((name) => isSet(env, name) && !applying.includes(name))
    .map((name) => `environment variable ${name}`);
  ignored.push(...files.slice(winner === undefined ? 1 : 0).map((path) => `file ${path}`));

  if (winner !== undefined) return fromVariables(env, cwd, winner, ignored);
  if (files.length > 0) {
    const origin = `file ${files[0]}`;
    return checkFound(origin, readConfigFile(files[0], 'found in the working directory'), ignored);
  }
  return { config: new ConfigChecker('default', false).config({ libos: 'loopback' }, ignored), origin: 'default' };
}
