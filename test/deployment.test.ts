// What a user copies from the page about DPDK and from the example of a deployment is a configuration that is read, and a manifest that hangs together.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';

import { RUNNABLES } from '../lib/bin/doctor';
import { checkConfig } from '../lib/core/config';

const root = join(__dirname, '..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

type Section = Record<string, any>;

/** A configuration of catnip: what is not DPDK's is checked as that of the other libOS with our stack. */
function expectCatnip(text: string): Section {
  const config = parse(text) as Section;
  expect(config['libos']).toBe('catnip');
  const { dpdk, ...rest } = config;
  expect(() => checkConfig({ ...rest, libos: 'catpowder' }, 'a page')).not.toThrow();
  expect(Object.keys(dpdk).filter((key) => !['eal', 'port', 'queues', 'queue', 'mbufs'].includes(key))).toEqual([]);
  for (const argument of dpdk.eal) expect(typeof argument).toBe('string');
  // EAL gets no name of a program.
  expect(dpdk.eal[0]).toMatch(/^-/);
  return config;
}

test('the configurations in man/demi-dpdk.7.md', () => {
  const page = read('man/demi-dpdk.7.md');
  const blocks = [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, text]) => text);
  expect(blocks).toHaveLength(3);
  blocks.forEach(expectCatnip);
  // A name that is spoken of in `dpdk.NAME` is one of the keys.
  const keys = [...page.matchAll(/`dpdk\.(\w+)`/g)].map(([, key]) => key);
  expect([...new Set(keys)].sort()).toEqual(['eal', 'eal_init', 'mbufs', 'port', 'queue', 'queues']);
});

describe('examples/deployment/kubernetes.yaml', () => {
  const documents = parseAllDocuments(read('examples/deployment/kubernetes.yaml'));
  const all = documents.map((one) => one.toJS() as Section);
  const named = (name: string): Section => all.find(({ metadata }) => metadata.name === name) as Section;
  const [container] = named('demi-server').spec.template.spec.containers as Section[];
  const { volumes } = named('demi-server').spec.template.spec as { volumes: Section[] };

  test('is YAML without mistakes', () => {
    expect(documents.flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([]);
    expect(all.map(({ kind }) => kind)).toEqual(['ConfigMap', 'ConfigMap', 'Deployment']);
  });

  test('the card that is asked for is the one that is offered, and its address goes into the configuration', () => {
    const [offered] = JSON.parse(named('sriovdp-config').data['config.json']).resourceList as Section[];
    const resource = `${offered['resourcePrefix']}/${offered['resourceName']}`;
    expect(container['resources'].requests).toMatchObject({ [resource]: '1' });
    // How the device plugin names the variable.
    const variable = `PCIDEVICE_${resource.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`;
    const [script] = container['args'] as string[];
    expect(script).toContain(`s/VF_ADDRESS/$${variable}/`);
    const config = named('demi-config').data['demi.config.yaml'] as string;
    expect(expectCatnip(config.replaceAll('VF_ADDRESS', '0000:41:02.0'))['dpdk']).toEqual({ eal: ['-a', '0000:41:02.0'], port: '0000:41:02.0' });
    // sed replaces once in a line.
    expect(config.split('\n').every((line) => line.split('VF_ADDRESS').length <= 2)).toBe(true);
    expect(script).toContain(`> ${container['env'][0].value}`);
  });

  test('the doctor is asked about a libOS that it knows', () => {
    const [, asked] = /demi doctor --for (\S+)/.exec(container['args'][0]) ?? [];
    expect(RUNNABLES).toContain(asked);
  });

  test('requests are limits, hugepages are mounted, and every volume is there', () => {
    expect(container['resources'].limits).toEqual(container['resources'].requests);
    expect(Object.keys(container['resources'].limits)).toEqual(expect.arrayContaining(['cpu', 'memory', 'hugepages-2Mi']));
    const mounted = (container['volumeMounts'] as Section[]).map(({ name }) => name);
    expect(mounted.sort()).toEqual(volumes.map(({ name }) => name).sort());
    expect(volumes.find(({ name }) => name === 'hugepages')).toMatchObject({ emptyDir: { medium: 'HugePages' } });
    expect(container['securityContext'].capabilities).toEqual({ drop: ['ALL'], add: ['IPC_LOCK'] });
  });
});
