// Configuration files of Demikernel (https://github.com/microsoft/demikernel): what their sections mean in ours. The keys have had other
// names and places over the years; all of them are known here.

import { checkAddress, checkMac } from './inet-config';
import type { ValueChecker } from './value-checker';

/** A file in our terms. */
export interface Translation {
  /** What `createLibOS` takes; still to be checked. */
  readonly config: Record<string, unknown>;
  /** What was given and has no effect, with the reason. */
  readonly ignored: readonly string[];
}

type Section = Record<string, unknown>;

/** The variables of the environment that are read as Demikernel reads them: before the file. */
export const DEMIKERNEL_VARIABLES = ['MTU', 'MSS'] as const;

// Those that Demikernel itself reads; `catnip` is what older files have for `demikernel`, `raw_socket` and `inetstack_config`. Of `dpdk`, which we have,
// too, `eal_init` is Demikernel's.
const SECTIONS = ['demikernel', 'catnip', 'raw_socket', 'tcp_socket_options', 'inetstack_config'] as const;
const SECTIONS_OF_SAMPLES = ['client', 'server', 'lwip', 'spdk'];
const WITH_STACK: readonly unknown[] = ['catpowder', 'catnip'];

const KEYS = {
  demikernel: ['local_ipv4_addr', 'local_link_addr', 'log_level'],
  catnip: ['my_ipv4_addr', 'my_link_addr', 'my_interface_name', 'arp_table', 'disable_arp'],
  raw_socket: ['linux_interface_name', 'interface_name'],
  tcp_socket_options: ['keepalive', 'linger', 'nodelay'],
  inetstack_config: [
    'mtu', 'mss', 'enable_jumbo_frames', 'udp_checksum_offload', 'tcp_checksum_offload', 'arp_table', 'arp_cache_ttl', 'arp_request_timeout', 'arp_request_retries',
  ],
} as const;
// What only Demikernel for Windows reads.
const OF_WINDOWS = /^(?:xdp_\w+|interface_index|[rt]x_(?:buffer_count|ring_size|fill_ring_size|completion_ring_size))$/;

const MTU = { smallest: 68, largest: 65518, usual: 1500 };
const MSS = { smallest: 88, largest: 65495 };
// IPv4 and TCP without options.
const HEADER_BYTES = 40;
const SECONDS_MAX = 3600;
const KEEPALIVE_MS_MAX = 32_767_000;
const LINGER_SECONDS_MAX = 65535;
const INTERFACE_NAME_LENGTH_MAX = 15;
const EVERYWHERE = '0.0.0.0/0';

const isObject = (value: unknown): value is Section => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Collects our sections from theirs. What comes later counts more than what came before, and that is noted. */
class Translator {
  readonly inet: Section = {};
  readonly tcp: Section = {};
  readonly discovery: Section = {};
  readonly ignored: string[] = [];
  interfaceName?: string;
  private address?: string;
  private arpTable?: { readonly key: string; readonly entries: Section };
  /** Our key -> the key or variable that decided it. */
  private readonly origins = new Map<string, string>();

  constructor(
    private readonly checker: ValueChecker,
    private readonly libos: unknown,
  ) {}

  ignore(key: string, reason: string): void {
    this.ignored.push(`${key}: ${reason}`);
  }

  /** Notes which of several spellings decided about one thing. */
  private decide(what: string, key: string): void {
    const before = this.origins.get(what);
    if (before !== undefined) this.ignore(before, `${key} decides`);
    this.origins.set(what, key);
  }

  private set(section: Section, what: string, key: string, value: unknown): void {
    this.decide(what, key);
    section[what] = value;
  }

  /** The keys of a section that have a value, after a check that they are known. */
  private entries(name: string, value: unknown, keys: readonly string[]): [string, unknown][] {
    // YAML makes null of a key with nothing behind it.
    return Object.entries(this.checker.section(name, value ?? {}, keys)).filter(([, one]) => one !== undefined && one !== null);
  }

  demikernel(value: unknown): void {
    for (const [name, one] of this.entries('demikernel', value, KEYS.demikernel)) {
      const key = `demikernel.${name}`;
      if (name === 'local_ipv4_addr') this.localAddress(key, one);
      else if (name === 'local_link_addr') this.localMac(key, one);
      else this.ignore(key, 'demi-io writes no log');
    }
  }

  catnip(value: unknown): void {
    for (const [name, one] of this.entries('catnip', value, KEYS.catnip)) {
      const key = `catnip.${name}`;
      if (name === 'my_ipv4_addr') this.localAddress(key, one);
      else if (name === 'my_link_addr') this.localMac(key, one);
      else if (name === 'my_interface_name') this.rawInterface(key, one);
      else if (name === 'arp_table') this.takeArpTable(key, one);
      else if (this.checker.boolean(key, one)) this.ignore(key, 'ARP stays on; those in arp_table are not asked for');
    }
  }

  rawSocket(value: unknown): void {
    const known = Object.entries(isObject(value) ? value : {}).filter(([name]) => OF_WINDOWS.test(name));
    for (const [name] of known) this.ignore(`raw_socket.${name}`, 'it is for Windows');
    const rest = isObject(value) ? Object.fromEntries(Object.entries(value).filter(([name]) => !OF_WINDOWS.test(name))) : value;
    for (const [name, one] of this.entries('raw_socket', rest, KEYS.raw_socket)) this.rawInterface(`raw_socket.${name}`, one);
  }

  tcpSocketOptions(value: unknown): void {
    for (const [name, one] of this.entries('tcp_socket_options', value, KEYS.tcp_socket_options)) {
      const key = `tcp_socket_options.${name}`;
      if (name === 'nodelay') this.set(this.tcp, 'nodelay', key, this.checker.boolean(key, one));
      else if (name === 'keepalive') this.keepalive(key, one);
      else this.linger(key, one);
    }
  }

  private keepalive(section: string, value: unknown): void {
    for (const [name, one] of this.entries(section, value, ['enabled', 'time_millis', 'interval'])) {
      const key = `${section}.${name}`;
      if (name === 'enabled') {
        this.set(this.tcp, 'keepalive', key, this.checker.boolean(key, one));
        continue;
      }
      const milliseconds = this.checker.integer(key, one, 0, KEEPALIVE_MS_MAX);
      // 0 is what the templates have, and leaves it as it is.
      if (milliseconds > 0) this.set(this.tcp, name === 'interval' ? 'keepInterval' : 'keepIdle', key, milliseconds / 1000);
    }
  }

  private linger(section: string, value: unknown): void {
    const given = Object.fromEntries(this.entries(section, value, ['enabled', 'time_seconds']));
    const { enabled, time_seconds: seconds } = given;
    if (seconds !== undefined) this.checker.integer(`${section}.time_seconds`, seconds, 0, LINGER_SECONDS_MAX);
    // With 0 seconds, as the templates have it, each close would throw away what was pushed and is not acknowledged yet.
    if (enabled !== undefined && this.checker.boolean(`${section}.enabled`, enabled)) this.ignore(section, 'a socket asks for it with SO_LINGER');
  }

  inetstackConfig(value: unknown): void {
    for (const [name, one] of this.entries('inetstack_config', value, KEYS.inetstack_config)) {
      const key = `inetstack_config.${name}`;
      const seconds = (): number => this.checker.integer(key, one, 1, SECONDS_MAX) * 1000;
      if (name === 'mtu') this.mtu(key, one);
      else if (name === 'mss') this.mss(key, one);
      else if (name === 'arp_table') this.takeArpTable(key, one);
      else if (name === 'arp_cache_ttl') this.set(this.discovery, 'reachableMs', key, seconds());
      else if (name === 'arp_request_timeout') this.set(this.discovery, 'retryMs', key, seconds());
      // The first request is no retry.
      else if (name === 'arp_request_retries') this.set(this.discovery, 'requests', key, this.checker.integer(key, one, 0, 254) + 1);
      else if (this.checker.boolean(key, one) || name !== 'enable_jumbo_frames') {
        this.ignore(key, name === 'enable_jumbo_frames' ? 'the MTU says how long a packet may be' : 'checksums are left to each device that finishes them');
      }
    }
  }

  /** A variable is text; a file has numbers. */
  variable(name: (typeof DEMIKERNEL_VARIABLES)[number], text: string): void {
    const key = `environment variable ${name}`;
    const value = /^\d+$/.test(text) ? Number(text) : text;
    if (name === 'MTU') this.mtu(key, value);
    else this.mss(key, value);
  }

  private mtu(key: string, value: unknown): void {
    this.set(this.inet, 'mtu', key, this.checker.integer(key, value, MTU.smallest, MTU.largest));
  }

  private mss(key: string, value: unknown): void {
    this.set(this.tcp, 'mss', key, this.checker.integer(key, value, MSS.smallest, MSS.largest));
  }

  private localAddress(key: string, value: unknown): void {
    this.decide('address', key);
    this.address = checkAddress(this.checker, key, value);
  }

  private localMac(key: string, value: unknown): void {
    this.set(this.inet, 'mac', key, checkMac(this.checker, key, value));
  }

  private rawInterface(key: string, value: unknown): void {
    if (this.libos !== 'catpowder') return this.ignore(key, `${String(this.libos)} uses no interface of the kernel`);
    const valid = `the name of an interface, of 1 to ${INTERFACE_NAME_LENGTH_MAX} characters`;
    const name = this.checker.text(key, value, valid);
    if (name === '' || name.length > INTERFACE_NAME_LENGTH_MAX) throw this.checker.wrongValue(key, name, valid);
    this.decide('interface', key);
    this.interfaceName = name;
  }

  private takeArpTable(key: string, value: unknown): void {
    if (!isObject(value)) throw this.checker.wrongType(key, value, "an object such as { '02:00:0a:4d:00:03': '10.77.0.3' }");
    this.decide('arp_table', key);
    this.arpTable = { key, entries: value };
  }

  /** MAC address -> IP address; some files have it the other way round. */
  private neighbors(table: string, entries: Section): void {
    const neighbors: Record<string, string> = {};
    for (const [left, right] of Object.entries(entries)) {
      const key = `${table}['${left}']`;
      const isMacFirst = left.includes(':');
      const mac = isMacFirst ? checkMac(this.checker, `a key of ${table}`, left) : checkMac(this.checker, key, right);
      const address = isMacFirst ? checkAddress(this.checker, key, right) : checkAddress(this.checker, `a key of ${table}`, left);
      if (address === this.address) this.ignore(key, 'it is the own address');
      else neighbors[address] = mac;
    }
    if (Object.keys(neighbors).length > 0) this.inet['neighbors'] = neighbors;
  }

  /** What depends on more than one key. */
  finish(): void {
    if (this.arpTable !== undefined) this.neighbors(this.arpTable.key, this.arpTable.entries);
    if (this.address !== undefined) {
      // There is no network in these files: everybody is taken to be on the same link.
      this.inet['addresses'] = [`${this.address}/32`];
      this.inet['routes'] = [{ to: EVERYWHERE }];
    }
    const most = ((this.inet['mtu'] as number | undefined) ?? MTU.usual) - HEADER_BYTES;
    if ((this.tcp['mss'] as number | undefined ?? 0) > most) {
      // The templates have 1500 for both.
      this.ignore(this.origins.get('mss') as string, `the MTU leaves ${most}`);
      delete this.tcp['mss'];
    }
    if (Object.keys(this.tcp).length > 0) this.inet['tcp'] = this.tcp;
    if (Object.keys(this.discovery).length > 0) this.inet['neighborDiscovery'] = this.discovery;
  }

  /** Lays a section of ours over what was translated: it counts more. */
  under(ours: unknown, translated: Section, name: string): unknown {
    if (Object.keys(translated).length === 0) return ours;
    if (!isObject(ours)) return ours ?? translated;
    const merged: Section = { ...translated };
    // A gateway leads everywhere; then nobody is taken to be on the link.
    if (name === 'inet' && ours['gateway'] !== undefined) delete merged['routes'];
    for (const [key, value] of Object.entries(ours)) {
      const path = `${name}.${key}`;
      if (isObject(value) && isObject(merged[key]) && key !== 'neighbors') merged[key] = this.under(value, merged[key], path);
      else if (value !== undefined) {
        const origin = this.origins.get(key === 'addresses' ? 'address' : key);
        if (origin !== undefined && key in translated) this.ignore(origin, `${path} decides`);
        merged[key] = value;
      }
    }
    return merged;
  }
}

// Old files have what DPDK called them before 20.11; 21.11 knows them no longer.
const RENAMED_BY_DPDK: Readonly<Record<string, string>> = { '-w': '-a', '--pci-whitelist': '--allow', '--pci-blacklist': '--block' };

/** `dpdk` with the arguments of EAL as ours has them: without the name of the program, which Demikernel's may begin with. */
function translateDpdk(checker: ValueChecker, value: unknown, ignored: string[]): unknown {
  if (!isObject(value) || !('eal_init' in value)) return value;
  const { eal_init: given, ...rest } = value;
  const key = 'dpdk.eal_init';
  const valid = "an array such as ['', '-c', '0xff', '-n', '4']";
  if (!Array.isArray(given)) throw checker.wrongType(key, given, valid);
  const args = given.map((one, index) => checker.text(`${key}[${index}]`, one, `text such as '${String(one)}'`));
  if (rest['eal'] !== undefined) {
    ignored.push(`${key}: dpdk.eal decides`);
    return rest;
  }
  const hasProgram = args.length > 0 && !args[0].startsWith('-');
  return { ...rest, eal: (hasProgram ? args.slice(1) : args).map((one) => (Object.hasOwn(RENAMED_BY_DPDK, one) ? RENAMED_BY_DPDK[one] : one)) };
}

/**
 * Gives a configuration that was found in a file in our terms. What is not Demikernel's stays as it is, and counts more.
 *
 * @param checker - knows where the file came from, for the errors.
 * @param file - the parsed file, with the libOS that was chosen as `libos`. It is not changed.
 * @param variables - those of {@link DEMIKERNEL_VARIABLES} that are set and apply.
 * @throws {@link DemiError} `EINVAL` with the key, its value, and what would be right.
 * @internal
 */
export function fromDemikernel(checker: ValueChecker, file: Section, variables: Readonly<Partial<Record<string, string>>>): Translation {
  const config: Section = { ...file };
  const { libos } = file;
  const sections = SECTIONS.filter((name) => name in file);
  const isTheirs = sections.length > 0 || (isObject(file['dpdk']) && 'eal_init' in file['dpdk']);
  const set = DEMIKERNEL_VARIABLES.filter((name) => variables[name] !== undefined);
  const samples = isTheirs ? SECTIONS_OF_SAMPLES.filter((name) => name in file) : [];
  for (const name of [...sections, ...samples]) delete config[name];
  const ofSamples = samples.map((name) => `${name}: it is for Demikernel's sample programs`);
  if (!WITH_STACK.includes(libos)) return { config, ignored: [...sections, ...set.map((name) => `environment variable ${name}`), ...ofSamples] };

  const translator = new Translator(checker, libos);
  // Older before newer.
  if ('catnip' in file) translator.catnip(file['catnip']);
  if ('demikernel' in file) translator.demikernel(file['demikernel']);
  if ('raw_socket' in file) translator.rawSocket(file['raw_socket']);
  if ('tcp_socket_options' in file) translator.tcpSocketOptions(file['tcp_socket_options']);
  if ('inetstack_config' in file) translator.inetstackConfig(file['inetstack_config']);
  for (const name of set) translator.variable(name, variables[name] as string);
  translator.finish();

  config['inet'] = translator.under(file['inet'], translator.inet, 'inet');
  if (translator.interfaceName !== undefined) {
    if (file['device'] === undefined) config['device'] = { interface: translator.interfaceName };
    else translator.ignore('raw_socket', 'device decides');
  }
  if (libos === 'catnip' && file['dpdk'] !== undefined) config['dpdk'] = translateDpdk(checker, file['dpdk'], translator.ignored);
  if (config['inet'] === undefined) delete config['inet'];
  return { config, ignored: [...translator.ignored, ...ofSamples] };
}
