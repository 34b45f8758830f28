// What `demi doctor` says: everything that was found, and which libOSes can run.

import { examineDpdk } from './dpdk';
import type { Finding } from './finding';
import { examineHugePages } from './huge-pages';
import { examineInterfaces, type Interfaces } from './interfaces';
import { examineKernelNetworking } from './kernel-networking';
import type { Machine } from './machine';
import { examineNode } from './node';
import { examinePrivileges, LOCKED_BYTES_NEEDED } from './privileges';
import { examineProcessor } from './processor';
import { examineVfio } from './vfio';

/** The libOSes of the table, each with what it runs on. */
export const RUNNABLES = ['loopback', 'catnap', 'catpowder-hub', 'catpowder-tap', 'catpowder-interface', 'catnip-vdev', 'catnip-nic'] as const;

/** A row of the table. */
export type Runnable = (typeof RUNNABLES)[number];

/** Names without what they run on mean what takes the least. */
export const SHORT_NAMES: Readonly<Record<string, Runnable>> = { catpowder: 'catpowder-hub', catnip: 'catnip-vdev' };

/** What has to run when nothing else was asked for. */
export const WANTED_BY_DEFAULT: readonly Runnable[] = ['loopback', 'catnap', 'catpowder-hub'];

/** Whether one of them can run here. */
export interface Verdict {
  readonly libos: Runnable;
  readonly canRun: boolean;
  /** Why not, or what it would run on. */
  readonly because: string;
}

/** All that the doctor has to say. */
export interface Report {
  readonly findings: readonly Finding[];
  readonly liboses: readonly Verdict[];
  readonly wanted: readonly Runnable[];
  /** Whether everything that is wanted can run. */
  readonly ok: boolean;
}

/** The package that is looked at. */
export interface Package {
  /** Where it lies. */
  readonly folder: string;
  /** The libOSes that it was built with. */
  readonly liboses: readonly string[];
}

function problemWithCards(interfaces: Interfaces): string | undefined {
  const { ready, bindable } = interfaces;
  if (ready.some(({ problem }) => problem === undefined)) return undefined;
  if (ready.length > 0) return `${ready[0].address}: ${ready[0].problem}`;
  return bindable.length > 0 ? `no card is bound to vfio-pci; ${bindable.join(', ')} could be` : 'no card that DPDK could drive';
}

export function examine(machine: Machine, { folder, liboses }: Package, wanted: readonly Runnable[]): Report {
  const node = examineNode(machine, folder);
  const processor = examineProcessor(machine);
  const hugePages = examineHugePages(machine);
  const vfio = examineVfio(machine, processor);
  const dpdk = examineDpdk(machine, folder);
  const interfaces = examineInterfaces(machine, vfio);
  const privileges = examinePrivileges(machine);
  const networking = examineKernelNetworking(machine, privileges);

  const stack = node.problemWith('catpowder');
  const isThere = interfaces.ethernet.length > 0 ? undefined : 'no interface of Ethernet';
  const inBuild = liboses.includes('catnip') ? undefined : 'catnip is not in this build';
  const vdev = stack ?? inBuild ?? dpdk.problem ?? (processor.runsDpdk ? undefined : 'the processor has no sse4_2');
  const nic =
    vdev ??
    problemWithCards(interfaces) ??
    (hugePages.freeBytes > 0 ? undefined : 'no free hugepages') ??
    (privileges.lockableBytes >= LOCKED_BYTES_NEEDED ? undefined : 'RLIMIT_MEMLOCK is too low');
  const usable = interfaces.ready.filter(({ problem }) => problem === undefined).map(({ address }) => address);

  const verdict = (libos: Runnable, problem: string | undefined, on: string): Verdict => ({
    libos,
    canRun: problem === undefined,
    because: problem ?? on,
  });
  const verdicts = [
    verdict('loopback', node.problemWith('loopback'), 'within this process'),
    verdict('catnap', node.problemWith('catnap'), "on the kernel's sockets"),
    verdict('catpowder-hub', stack, 'on an in-memory hub'),
    verdict('catpowder-tap', stack ?? networking.tapProblem, 'on a TAP interface'),
    verdict('catpowder-interface', stack ?? networking.packetProblem ?? isThere, `on ${interfaces.ethernet.join(', ')}`),
    verdict('catnip-vdev', vdev, 'on virtual devices of DPDK'),
    verdict('catnip-nic', nic, `on ${usable.join(', ')}`),
  ];
  return {
    findings: [
      ...node.findings,
      ...processor.findings,
      ...hugePages.findings,
      ...vfio.findings,
      ...dpdk.findings,
      ...interfaces.findings,
      ...networking.findings,
      ...privileges.findings,
    ],
    liboses: verdicts,
    wanted,
    ok: verdicts.every(({ libos, canRun }) => canRun || !wanted.includes(libos)),
  };
}

/** Texts in columns; the last one has no end. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) => row.map((text, column) => text.padEnd(widths[column])).join('  ').trimEnd());
}

/** The report for a terminal: a line per finding, then the table. */
export function reportText({ findings, liboses, wanted, ok }: Report): string {
  const lines = columns(findings.map(({ topic, state, found, todo }) => [state, topic, todo === undefined ? found : `${found} -> ${todo}`]));
  const table = columns([
    ['libOS', 'can run', ''],
    ...liboses.map(({ libos, canRun, because }) => [libos, canRun ? 'yes' : 'no', because]),
  ]);
  const failing = wanted.filter((name) => liboses.some(({ libos, canRun }) => libos === name && !canRun));
  const end = ok ? `Ready for ${wanted.join(', ')}.` : `Not ready for ${failing.join(', ')}.`;
  return [...lines, '', ...table, '', end, ''].join('\n');
}
