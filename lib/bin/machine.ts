// The machine as `demi doctor` sees it: files and commands. Unit tests put other machines in its place.

import { spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync, readdirSync, realpathSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** What the doctor looks at, and nothing else: no call here changes anything, and none throws. */
export interface Machine {
  readonly platform: string;
  readonly arch: string;
  /** Of the running Node: its version without the v, and its Node-API. */
  readonly versions: { readonly node: string; readonly napi: string };
  readonly execPath: string;
  /** CPUs that this process may use. */
  readonly cpus: number;
  /** The text of a file; undefined if there is none, or none that this user may read. */
  read(path: string): string | undefined;
  /** The names in a folder, sorted; empty if there is no such folder. */
  list(path: string): readonly string[];
  /** Where a path leads when every link is followed; undefined if it leads nowhere. */
  resolve(path: string): string | undefined;
  /** Whether this user may read and write a file. */
  mayOpen(path: string): boolean;
  /** What a command prints, if it can be started and ends with status 0. */
  run(program: string, args: readonly string[]): string | undefined;
}

// A command that hangs is one that does not work.
const RUN_MS = 20_000;

function orUndefined<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}

/** The machine that this process runs on. */
export function thisMachine(): Machine {
  return {
    platform: process.platform,
    arch: process.arch,
    versions: { node: process.versions.node, napi: process.versions['napi'] ?? '0' },
    execPath: process.execPath,
    cpus: availableParallelism(),
    read: (path) => orUndefined(() => readFileSync(path, 'utf8')),
    list: (path) => (orUndefined(() => readdirSync(path)) ?? []).sort(),
    resolve: (path) => orUndefined(() => realpathSync(path)),
    mayOpen: (path) => orUndefined(() => (accessSync(path, constants.R_OK | constants.W_OK), true)) ?? false,
    run: (program, args) => {
      const { status, stdout } = spawnSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: RUN_MS, killSignal: 'SIGKILL' });
      return status === 0 ? stdout : undefined;
    },
  };
}
