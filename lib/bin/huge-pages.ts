// Hugepages: for each size how many are configured and free, and where they are mounted.

import { fieldOf, linuxOnly, type Finding } from './finding';
import type { Machine } from './machine';

/** What the rest of the report asks about hugepages. */
export interface HugePages {
  readonly findings: readonly Finding[];
  /** Bytes of those that are free, of all sizes. */
  readonly freeBytes: number;
}

interface Size {
  readonly kib: number;
  readonly configured: number;
  readonly free: number;
}

const FOLDER = '/sys/kernel/mm/hugepages';
const KIB_PER_MIB = 1024;
const KIB_PER_GIB = 1024 * 1024;
// What a packet pool and the stack of one libOS take, with room to spare.
const SUGGESTED_KIB = KIB_PER_GIB;

function sizeName(kib: number): string {
  return kib % KIB_PER_GIB === 0 ? `${kib / KIB_PER_GIB} GiB` : kib % KIB_PER_MIB === 0 ? `${kib / KIB_PER_MIB} MiB` : `${kib} KiB`;
}

const countIn = (text: string | undefined): number => Number.parseInt(text ?? '0', 10) || 0;

function sizesOf(machine: Machine, meminfo: string | undefined): Size[] {
  const sizes = machine.list(FOLDER).flatMap((name) => {
    const kib = /^hugepages-(\d+)kB$/.exec(name)?.[1];
    if (kib === undefined) return [];
    const count = (file: string): number => countIn(machine.read(`${FOLDER}/${name}/${file}`));
    return [{ kib: Number(kib), configured: count('nr_hugepages'), free: count('free_hugepages') }];
  });
  if (sizes.length > 0) return sizes.sort((a, b) => a.kib - b.kib);
  // A container may have no /sys. /proc knows the default size alone.
  const kib = countIn(fieldOf(meminfo, 'Hugepagesize'));
  if (kib === 0) return [];
  return [{ kib, configured: countIn(fieldOf(meminfo, 'HugePages_Total')), free: countIn(fieldOf(meminfo, 'HugePages_Free')) }];
}

/** Size in KiB -> where a hugetlbfs of that size is mounted. */
function mountsOf(machine: Machine, defaultKib: number): Map<number, string> {
  const mounts = new Map<number, string>();
  for (const line of (machine.read('/proc/mounts') ?? '').split('\n')) {
    const [, place, type, options] = line.split(' ');
    if (type !== 'hugetlbfs') continue;
    const [, number, unit] = /(?:^|,)pagesize=(\d+)([KMG])/.exec(options ?? '') ?? [];
    const scale = unit === 'G' ? KIB_PER_GIB : unit === 'M' ? KIB_PER_MIB : 1;
    const kib = number === undefined ? defaultKib : Number(number) * scale;
    if (!mounts.has(kib)) mounts.set(kib, place);
  }
  return mounts;
}

function findingOf(size: Size, isNeeded: boolean, mount: string | undefined): Finding {
  const topic = `Hugepages of ${sizeName(size.kib)}`;
  const configure = `echo ${Math.ceil(SUGGESTED_KIB / size.kib)} > ${FOLDER}/hugepages-${size.kib}kB/nr_hugepages (as root)`;
  const mounted = mount === undefined ? 'not mounted' : `mounted at ${mount}`;
  if (size.configured === 0) {
    const found = `none configured, ${mounted}`;
    return isNeeded ? { topic, state: 'warning', found, todo: `for catnip with a NIC: ${configure}` } : { topic, state: 'ok', found };
  }
  const found = `${size.configured} configured, ${size.free} free, ${mounted}`;
  if (size.free > 0) return { topic, state: 'ok', found };
  return { topic, state: 'warning', found, todo: `end what holds them, or have more: ${configure}` };
}

export function examineHugePages(machine: Machine): HugePages {
  if (machine.platform !== 'linux') return { findings: [linuxOnly('Hugepages')], freeBytes: 0 };
  const meminfo = machine.read('/proc/meminfo');
  const sizes = sizesOf(machine, meminfo);
  if (sizes.length === 0) {
    const finding: Finding = { topic: 'Hugepages', state: 'missing', found: 'this kernel has none', todo: 'for catnip with a NIC, use a kernel with CONFIG_HUGETLBFS' };
    return { findings: [finding], freeBytes: 0 };
  }
  const defaultKib = countIn(fieldOf(meminfo, 'Hugepagesize')) || sizes[0].kib;
  const mounts = mountsOf(machine, defaultKib);
  // One size is enough; where there is none, the default size is the one to ask for.
  const hasSome = sizes.some(({ configured }) => configured > 0);
  return {
    findings: sizes.map((size) => findingOf(size, !hasSome && size.kib === defaultKib, mounts.get(size.kib))),
    freeBytes: sizes.reduce((bytes, { kib, free }) => bytes + kib * 1024 * free, 0),
  };
}
