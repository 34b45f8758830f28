// The command `demi`: its subcommands, their options, and the status that it ends with. demi.ts runs it.

import { Command, CommanderError, InvalidArgumentError } from 'commander';

import { LIBOSES_IN_THIS_BUILD } from '../core/config';
import { examine, reportText, RUNNABLES, SHORT_NAMES, WANTED_BY_DEFAULT, type Runnable } from './doctor';
import type { Machine } from './machine';

/** What the status of the process means. */
export const EXIT_STATUS = { ok: 0, cannotRun: 1, wrongUsage: 2 } as const;

/** What the command works on: the real ones are in demi.ts, others in unit tests. */
export interface Surroundings {
  readonly machine: Machine;
  /** Where the package lies. */
  readonly folder: string;
  readonly version: string;
  readonly liboses?: readonly string[];
  out(text: string): void;
  err(text: string): void;
  /** Runs a script of the package with the terminal as its own; gives its exit status, null if a signal has ended it. */
  runScript(path: string): number | null;
}

/** Adds one `--for`, which may name several with commas between them, to those before it. */
function addWanted(text: string, before: readonly Runnable[] | undefined): Runnable[] {
  const names = text.split(',').map((word): Runnable => {
    const name = RUNNABLES.find((one) => one === word) ?? (Object.hasOwn(SHORT_NAMES, word) ? SHORT_NAMES[word] : undefined);
    if (name !== undefined) return name;
    throw new InvalidArgumentError(`It must be one of ${[...RUNNABLES, ...Object.keys(SHORT_NAMES)].join(', ')}.`);
  });
  return [...new Set([...(before ?? []), ...names])];
}

/** The command; a subcommand that has run says by `end` which status it ended with. */
export function makeProgram(around: Surroundings, end: (status: number) => void): Command {
  const program = new Command('demi')
    .description('Tools of demi-io.')
    .version(around.version)
    .exitOverride()
    .configureOutput({ writeOut: around.out, writeErr: around.err });

  program
    .command('doctor')
    .description('Say what this machine can run, and what to do about what it cannot.')
    .option('--json', 'print the report as JSON')
    .option('--for <libos>', 'which libOS has to run for exit status 0; may be given several times', addWanted)
    .action((options: { json?: boolean; for?: Runnable[] }) => {
      const { machine, folder, liboses = LIBOSES_IN_THIS_BUILD } = around;
      const report = examine(machine, { folder, liboses }, options.for ?? WANTED_BY_DEFAULT);
      around.out(options.json ? `${JSON.stringify(report, undefined, 2)}\n` : reportText(report));
      end(report.ok ? EXIT_STATUS.ok : EXIT_STATUS.cannotRun);
    });

  program
    .command('build-dpdk')
    .description('Build the DPDK plug-in that catnip needs, with the libdpdk of this machine.')
    .action(() => end(around.runScript('addon/build-dpdk.js') === 0 ? EXIT_STATUS.ok : EXIT_STATUS.cannotRun));
  return program;
}

/** Runs the command with these arguments, without those of Node; gives the exit status. */
export function runProgram(args: readonly string[], around: Surroundings): number {
  let status: number = EXIT_STATUS.ok;
  try {
    makeProgram(around, (given) => (status = given)).parse(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and the version that were asked for end it, too, and with 0.
    return error.exitCode === 0 ? EXIT_STATUS.ok : EXIT_STATUS.wrongUsage;
  }
  return status;
}
