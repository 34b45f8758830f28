// DPDK: the library, and the plug-in of demi-io that is built on it.

import { linuxOnly, type Finding } from './finding';
import type { Machine } from './machine';

/** What the rest of the report asks about DPDK. */
export interface Dpdk {
  readonly findings: readonly Finding[];
  /** Why catnip has no DPDK, or undefined if it has. */
  readonly problem?: string;
}

/** The plug-in, beside the addon. */
export const PLUG_IN = 'addon/build/Release/demi_dpdk.so';

// ID or ID_LIKE of os-release(5) -> how DPDK with its headers is installed.
const INSTALL: Record<string, string> = {
  debian: 'apt-get install libdpdk-dev',
  ubuntu: 'apt-get install libdpdk-dev',
  fedora: 'dnf install dpdk-devel',
  rhel: 'dnf install dpdk-devel',
  centos: 'dnf install dpdk-devel',
  suse: 'zypper install dpdk-devel',
  arch: 'pacman -S dpdk',
  alpine: 'apk add dpdk-dev',
};

function howToInstall(machine: Machine): string {
  const release = machine.read('/etc/os-release') ?? '';
  const words = [...release.matchAll(/^(?:ID|ID_LIKE)="?([^"\n]*)"?$/gm)].flatMap(([, names]) => names.split(' '));
  const known = words.find((word) => Object.hasOwn(INSTALL, word));
  return known === undefined ? 'install DPDK with its headers (Debian: apt-get install libdpdk-dev)' : INSTALL[known];
}

function libraryFinding(machine: Machine): Finding {
  const topic = 'libdpdk';
  const version = machine.run('pkg-config', ['--modversion', 'libdpdk'])?.trim();
  if (version !== undefined) return { topic, state: 'ok', found: version };
  const hasPkgConfig = machine.run('pkg-config', ['--version']) !== undefined;
  const found = hasPkgConfig ? 'pkg-config does not know it' : 'pkg-config is not installed, so nobody knows';
  return { topic, state: 'missing', found, todo: `${howToInstall(machine)}${hasPkgConfig ? '' : ', and pkg-config'}` };
}

function plugInFinding(machine: Machine, folder: string): Finding {
  const topic = 'DPDK plug-in';
  const file = `${folder}/${PLUG_IN}`;
  if (machine.resolve(file) === undefined) return { topic, state: 'missing', found: 'not built', todo: 'npx demi build-dpdk' };
  const absent = [...(machine.run('ldd', [file]) ?? '').matchAll(/^\s*(\S+) => not found$/gm)].map(([, name]) => name);
  if (absent.length === 0) return { topic, state: 'ok', found: file };
  return { topic, state: 'missing', found: `built, but there is no ${absent.join(', ')}`, todo: `${howToInstall(machine)}, then npx demi build-dpdk` };
}

/** @param folder - where the package lies. */
export function examineDpdk(machine: Machine, folder: string): Dpdk {
  if (machine.platform !== 'linux') return { findings: ['libdpdk', 'DPDK plug-in'].map(linuxOnly), problem: 'Linux only' };
  const plugIn = plugInFinding(machine, folder);
  const problem = plugIn.state === 'ok' ? {} : { problem: `DPDK plug-in: ${plugIn.found}` };
  return { findings: [libraryFinding(machine), plugIn], ...problem };
}
