// The section `dpdk` of the configuration: which port of DPDK `catnip` has, and how EAL is started.

import type { ValueChecker } from './value-checker';

/** Which port of DPDK `catnip` runs on, and what EAL is started with. */
export interface DpdkConfig {
  /**
   * Arguments of DPDK's environment abstraction layer, without the name of a program: `['--no-huge', '--no-pci', '--vdev=net_memif0,role=server']`.
   * EAL is started once in a process, by its first `catnip`; all later ones give the same arguments. Default none: with hugepages, and every device
   * that is bound for DPDK.
   */
  eal?: string[];
  /**
   * The port: its number or its name, default 0. `'ring:NAME/0'` and `'ring:NAME/1'` are the two ends of a cable of that name between two libOSes of
   * this process, which need no device.
   */
  port?: number | string;
  /**
   * Queues of the port: 1 to 64, default 1. All libOSes on it, one for each queue, give the same number and the same addresses. A connection belongs to
   * the queue that its addresses and ports hash to (see `LibOS.rss`); where the device does not steer by that, the queues hand frames to each other. Over
   * memif, queue n of one side is queue n of the other, and both have as many.
   */
  queues?: number;
  /** The queue of this libOS, from 0 on, default 0. No two libOSes share one. */
  queue?: number;
  /** Buffers for what is received, of each queue: 256 to 1048576, default 4096. What the application holds counts. */
  mbufs?: number;
}

/** `dpdk`, checked. */
export interface ResolvedDpdk {
  readonly eal: readonly string[];
  readonly port: string;
  readonly queues: number;
  readonly queue: number;
  readonly mbufs: number;
}

const KEYS = ['eal', 'port', 'queues', 'queue', 'mbufs'];
const PORT_MAX = 31;
// RTE_ETH_NAME_MAX_LEN, with its zero at the end.
const NAME_LENGTH_MAX = 63;
const QUEUES_MAX = 64;
const MBUFS = { fewest: 256, most: 2 ** 20, usual: 4096 };

function checkPort(checker: ValueChecker, value: unknown): string {
  if (value === undefined) return '0';
  const valid = `the number of a port (0 to ${PORT_MAX}) or its name`;
  if (typeof value === 'number') return String(checker.integer('dpdk.port', value, 0, PORT_MAX));
  const name = checker.text('dpdk.port', value, valid);
  if (name === '' || name.length > NAME_LENGTH_MAX) throw checker.wrongValue('dpdk.port', name, valid);
  return name;
}

/**
 * Checks the section `dpdk`, and fills in the defaults.
 *
 * @throws TypeError or {@link DemiError} `EINVAL` for what is not valid.
 * @internal
 */
export function checkDpdk(checker: ValueChecker, value: unknown): ResolvedDpdk {
  const section = value === undefined ? {} : checker.section('dpdk', value, KEYS);
  const { eal, port, queues, queue, mbufs } = section;
  const valid = "an array of EAL's arguments, such as ['--no-huge', '--no-pci']";
  if (eal !== undefined && !Array.isArray(eal)) throw checker.wrongType('dpdk.eal', eal, valid);
  const count = queues === undefined ? 1 : checker.integer('dpdk.queues', queues, 1, QUEUES_MAX);
  return {
    eal: ((eal ?? []) as unknown[]).map((argument, i) => checker.text(`dpdk.eal[${i}]`, argument, 'a string')),
    port: checkPort(checker, port),
    queues: count,
    queue: queue === undefined ? 0 : checker.integer('dpdk.queue', queue, 0, count - 1),
    mbufs: mbufs === undefined ? MBUFS.usual : checker.integer('dpdk.mbufs', mbufs, MBUFS.fewest, MBUFS.most),
  };
}
