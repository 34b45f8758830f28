// The command line of `demi`: options, statuses, and what build-dpdk runs. Its pages in man/ say the same.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { RUNNABLES, SHORT_NAMES, type Report } from '../../../lib/bin/doctor';
import { EXIT_STATUS, makeProgram, runProgram, type Surroundings } from '../../../lib/bin/program';
import { FOLDER, laptop, makeMachine, type Parts } from './machines';

interface Ended {
  status: number;
  out: string;
  err: string;
  scripts: string[];
}

function demi(args: string[], { parts = laptop, scriptStatus = 0 as number | null } = {} as { parts?: Parts; scriptStatus?: number | null }): Ended {
  const ended: Ended = { status: -1, out: '', err: '', scripts: [] };
  const around: Surroundings = {
    machine: makeMachine(parts),
    folder: FOLDER,
    version: '1.2.3',
    liboses: ['loopback', 'catnap', 'catpowder', 'catnip'],
    out: (text) => (ended.out += text),
    err: (text) => (ended.err += text),
    runScript: (path) => (ended.scripts.push(path), scriptStatus),
  };
  ended.status = runProgram(args, around);
  return ended;
}

describe('demi doctor', () => {
  test('the report as text and as JSON', () => {
    expect(demi(['doctor'])).toMatchObject({ status: 0, err: '', scripts: [] });
    expect(demi(['doctor']).out).toContain('Ready for loopback, catnap, catpowder-hub.');
    const report = JSON.parse(demi(['doctor', '--json']).out) as Report;
    expect(report.ok).toBe(true);
    expect(report.wanted).toEqual(['loopback', 'catnap', 'catpowder-hub']);
    expect(report.findings[0]).toMatchObject({ topic: 'Node.js', state: 'ok' });
    expect(report.liboses).toHaveLength(RUNNABLES.length);
  });

  test('--for decides about the status', () => {
    expect(demi(['doctor', '--for', 'loopback']).status).toBe(0);
    expect(demi(['doctor', '--for', 'catpowder']).status).toBe(0);
    expect(demi(['doctor', '--for', 'catnip']).status).toBe(1);
    expect(demi(['doctor', '--for=loopback', '--for=catpowder-tap']).status).toBe(1);
    expect(demi(['doctor', '--for', 'loopback,catnap']).status).toBe(0);
    const wanted = (JSON.parse(demi(['doctor', '--json', '--for', 'catnip,catnip-vdev', '--for', 'catnap']).out) as Report).wanted;
    expect(wanted).toEqual(['catnip-vdev', 'catnap']);
    expect(demi(['doctor', '--for', 'catnip-nic,catnip-vdev']).out).toContain('Not ready for catnip-nic, catnip-vdev.');
  });

  test.each([
    [['doctor', '--for', 'catnop'], "argument 'catnop' is invalid. It must be one of loopback, catnap"],
    [['doctor', '--for', 'constructor'], 'is invalid'],
    [['doctor', '--for', ''], 'is invalid'],
    [['doctor', '--for'], 'argument missing'],
    [['doctor', '--jsn'], "unknown option '--jsn'"],
    [['doctor', 'now'], 'too many arguments'],
    [['docter'], "unknown command 'docter'"],
    [['build-dpdk', '--fast'], 'unknown option'],
    [[], 'Usage: demi'],
  ])('%j is wrong usage', (args, message) => {
    const { status, out, err, scripts } = demi(args);
    expect(status).toBe(2);
    expect(err).toContain(message);
    expect(out).toBe('');
    expect(scripts).toEqual([]);
  });

  test('help and version are no mistakes', () => {
    expect(demi(['--version'])).toMatchObject({ status: 0, out: '1.2.3\n' });
    expect(demi(['--help'])).toMatchObject({ status: 0, err: '' });
    expect(demi(['doctor', '--help']).out).toContain('--for <libos>');
    expect(demi(['help', 'doctor'])).toMatchObject({ status: 0 });
  });
});

describe('demi build-dpdk', () => {
  test('runs the script of the package, and ends as it ends', () => {
    expect(demi(['build-dpdk'])).toEqual({ status: 0, out: '', err: '', scripts: ['addon/build-dpdk.js'] });
    expect(demi(['build-dpdk'], { scriptStatus: 3 }).status).toBe(1);
    // A signal has ended it.
    expect(demi(['build-dpdk'], { scriptStatus: null }).status).toBe(1);
  });
});

describe('the pages in man/', () => {
  const folder = join(__dirname, '..', '..', '..', 'man');
  const { commands } = makeProgram({ version: '' } as Surroundings, () => {});
  const subcommands = commands.filter((one) => one.name() !== 'help');
  const page = (name: string): string => readFileSync(join(folder, `demi-${name}.1.md`), 'utf8');
  /** What stands below a heading, up to the next one. */
  const section = (text: string, heading: string): string => {
    const [, after] = text.split(`\n## ${heading}\n`);
    if (after === undefined) throw new Error(`no section ${heading}`);
    return after.split('\n## ')[0];
  };
  const terms = (text: string): string[] => [...text.matchAll(/^\*\*(\S+)\*\*/gm)].map(([, term]) => term);

  test('each subcommand has one, and each page its subcommand', () => {
    const pages = readdirSync(folder).filter((name) => name.endsWith('.1.md'));
    expect(pages).toEqual(subcommands.map((one) => `demi-${one.name()}.1.md`).sort());
  });

  test.each(subcommands.map((one) => [one.name(), one] as const))('%s: sections, options and statuses', (name, command) => {
    const text = page(name);
    expect(text.startsWith(`# demi-${name}(1)`)).toBe(true);
    for (const heading of ['NAME', 'SYNOPSIS', 'DESCRIPTION', 'EXIT STATUS', 'EXAMPLES']) expect(section(text, heading).trim()).not.toBe('');
    const flags = command.options.map((option) => option.long);
    expect(command.options.length === 0 ? [] : terms(section(text, 'OPTIONS'))).toEqual(flags);
    for (const flag of flags) expect(section(text, 'SYNOPSIS')).toContain(flag);
    expect(terms(section(text, 'EXIT STATUS'))).toEqual(Object.values(EXIT_STATUS).map(String));
    // Whatever looks like an option is one, of this or of another subcommand.
    const known = subcommands.flatMap((one) => one.options.map((option) => option.long as string));
    expect([...text.matchAll(/(?<![\w-])--[a-z]+/g)].map(([flag]) => flag).filter((flag) => !known.includes(flag))).toEqual([]);
  });

  test('doctor: every libOS that --for takes, and no other', () => {
    const listed = [...section(page('doctor'), 'LIBOSES').matchAll(/^\| `([\w-]+)`/gm)].map(([, name]) => name);
    expect(listed).toEqual([...RUNNABLES]);
    for (const [short, name] of Object.entries(SHORT_NAMES)) expect(page('doctor')).toContain(`\`${short}\` stands for \`${name}\``);
  });
});
