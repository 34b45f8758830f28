// The plan of the house as a test: who may include or import whom, that nothing lies about unused, that every noun has its test and
// every public name its comment. It also prints files and functions that have grown long, without failing, so that they are noticed.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { basename, dirname, join, posix } from 'node:path';
import * as ts from 'typescript';

// --- The plan ---

/** Room of the addon -> the rooms whose headers it may include, beside its own. */
const ADDON_ARROWS: Record<string, string[]> = {
  binding: ['libos', 'sched', 'memory', 'base'],
  libos: ['inet', 'inet/tcp', 'device', 'sched', 'memory', 'base'],
  sched: ['base'],
  device: ['device/dpdk', 'wire', 'memory', 'base'],
  'device/dpdk': ['base'],
  memory: ['base'],
  inet: ['inet/tcp', 'wire', 'memory', 'base'],
  'inet/tcp': ['wire', 'memory', 'base'],
  wire: ['base'],
  base: [],
};

/** Room of lib/ -> the rooms that it may import from, beside its own. lib/index.ts is a room of its own. */
const LIB_ARROWS: Record<string, string[]> = {
  index: ['demi', 'core'],
  bin: ['core'],
  demi: ['native', 'core'],
  native: ['core'],
  core: [],
};

/** Modules of lib/ that nothing imports, because a program or its user starts with them. */
const LIB_ENTRIES = ['lib/index.ts', 'lib/bin/demi.ts'];

/** A dependency, and the only room of lib/ that may import it: nobody who requires the package pays for it. */
const ROOM_OF_DEPENDENCY: Record<string, string> = { commander: 'bin' };

/** Headers of Node and libuv, and the only room that may include them. */
const NODE_HEADERS = ['napi.h', 'node_api.h', 'node.h', 'uv.h'];
const NODE_ROOM = 'binding';

/** Source files that no header announces: where the addon is entered, and parts of a header's implementation. */
const SOURCES_WITHOUT_HEADER: Record<string, string> = {
  'addon/binding/module.cc': 'the entry point of the addon',
  'addon/binding/functions.cc': 'the functions of instance.h that JavaScript calls',
  'addon/inet/stack_input.cc': 'what stack.h does with frames that come',
  'addon/inet/stack_output.cc': 'what stack.h sends',
  'addon/inet/stack_sockets.cc': 'the calls of the user of stack.h',
  'addon/inet/tcp/output.cc': 'what tcp_connection.h sends',
  'addon/inet/tcp/segment_arrives.cc': 'what tcp_connection.h does with a segment',
  'addon/inet/tcp/sender_output.cc': 'what sender.h sends',
};

/** Headers without a test of their own name, and where what they say is tested. A room stands for all of its headers. */
const HEADERS_WITHOUT_TEST: Record<string, string> = {
  binding: 'it needs Node: the unit and conformance tests go through it',
  'base/assert.h': 'it ends the process',
  'base/family.h': 'an enumeration; libos/endpoint.h and wire/address.h are tested with each of its values',
  'base/limits.h': 'constants; each is tested where it is applied',
  'device/dpdk/dpdk_plugin.h': 'plain types and a table; fake_dpdk.h fills it, dpdk_device_test.cc goes through the real one',
  'device/dpdk/eal.h': 'it needs DPDK: dpdk_library_test.cc goes through it by the plug-in',
  'device/dpdk/eal_memory.h': 'it needs DPDK: dpdk_library_test.cc goes through it by the plug-in',
  'device/dpdk/port.h': 'it needs DPDK: dpdk_device_test.cc goes through it by the plug-in',
  'device/dpdk/queue.h': 'it needs DPDK: dpdk_device_test.cc goes through it by the plug-in',
  'inet/inet_endpoint.h': 'a struct; the tests of the stack bind and connect to its values',
  'inet/inet_limits.h': 'constants; each is tested where it is applied',
  'inet/stack_counters.h': 'counters; each is read where it counts',
  'inet/tcp/congestion_event.h': 'two structs; the tests of the algorithms fill them',
  'inet/tcp/flight.h': 'a struct; sender_test.cc sees it come and go',
  'inet/tcp/half_open.h': 'a struct; tcp_listener_test.cc fills it',
  'inet/tcp/tcp_config.h': 'values; each is tested where it is applied',
  'inet/tcp/tcp_connection_info.h': 'a struct; the tests of the connection read it',
  'inet/tcp/tcp_core.h': 'a struct; the tests of the connection go through it',
  'inet/tcp/tcp_counters.h': 'counters; each is read where it counts',
  'inet/tcp/tcp_limits.h': 'constants; each is tested where it is applied',
  'inet/tcp/tcp_resources.h': 'a struct; every test of a connection has one',
  'libos/socket_options.h': 'constants; a unit test of lib/core/constants.ts has the same numbers',
  'libos/tcp_info.h': 'numbers and their names; kernel_tcp_info_test.cc reads them',
  'memory/memory_limits.h': 'constants; each is tested where it is applied',
  'wire/ip_protocol.h': 'constants, and two bits; the tests of ipv4.h and ipv6.h use them',
};

/** What lies at the top of the repository, and nothing else. */
const TOP_LEVEL_REQUIRED = [
  '.ci', '.editorconfig', '.gitignore', 'LICENSE', 'addon', 'examples', 'jest.config.js', 'lib', 'package-lock.json', 'package.json',
  'test', 'tsconfig.json',
];
const TOP_LEVEL_OPTIONAL = ['.gitattributes', '.npmrc', 'ARCHITECTURE.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'README.md', 'man'];

const FILE_LINES_NOTICED = 500;
const FUNCTION_LINES_NOTICED = 70;

// --- Reading the repository ---

const root = join(__dirname, '..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

/** Files under a folder, as paths from the root with forward slashes, sorted. */
function filesUnder(folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => !['build', 'prebuilds', 'node_modules'].includes(entry.name))
    .flatMap((entry) => (entry.isDirectory() ? filesUnder(`${folder}/${entry.name}`) : [`${folder}/${entry.name}`]))
    .sort();
}

const addonFiles = filesUnder('addon').filter((file) => /\.(h|cc)$/.test(file));
const libFiles = filesUnder('lib').filter((file) => file.endsWith('.ts'));
const testFiles = filesUnder('test');

function includesOf(file: string): { quoted: string[]; angled: string[] } {
  const found = { quoted: [] as string[], angled: [] as string[] };
  for (const [, open, name] of read(file).matchAll(/^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]/gm)) {
    (open === '"' ? found.quoted : found.angled).push(name);
  }
  return found;
}

/** The modules that a TypeScript file names, relative ones as paths from the root, without extension. */
function importsOf(file: string): string[] {
  return ts.preProcessFile(read(file), true, true).importedFiles.map(({ fileName }) => {
    if (!fileName.startsWith('.')) return fileName;
    return posix.join(posix.dirname(file), fileName).replace(/\.(js|ts)$/, '');
  });
}

/** The folder of a file of the addon, below addon/: rooms have no folders within them, but one may lie in another (inet/tcp). */
const addonRoom = (file: string): string => dirname(file.replace(/^addon\//, ''));
const libRoom = (module: string): string => (module === 'lib/index' || module === 'lib' ? 'index' : module.split('/')[1]);
const withoutExtension = (file: string): string => file.replace(/\.[a-z]+$/, '');

// --- Arrows ---

describe('arrows between the rooms of the addon', () => {
  test('every file is in a room of the plan', () => {
    expect(addonFiles.filter((file) => !(addonRoom(file) in ADDON_ARROWS))).toEqual([]);
  });

  test('every include follows an arrow', () => {
    const wrong: string[] = [];
    for (const file of addonFiles) {
      const room = addonRoom(file);
      for (const name of includesOf(file).quoted) {
        const target = dirname(name);
        const allowed = target === room || ADDON_ARROWS[room]?.includes(target);
        if (!name.includes('/') || !allowed) wrong.push(`${file} includes "${name}"`);
        else if (!existsSync(join(root, 'addon', name))) wrong.push(`${file} includes "${name}", which is not there`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('only one room knows Node and libuv', () => {
    const knowing = addonFiles.filter((file) => includesOf(file).angled.some((name) => NODE_HEADERS.includes(name)));
    expect(knowing.filter((file) => addonRoom(file) !== NODE_ROOM)).toEqual([]);
  });
});

describe('arrows between the rooms of lib/', () => {
  test('every file is in a room of the plan', () => {
    expect(libFiles.filter((file) => !(libRoom(withoutExtension(file)) in LIB_ARROWS))).toEqual([]);
  });

  test('every import follows an arrow', () => {
    const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
    const wrong: string[] = [];
    for (const file of libFiles) {
      const room = libRoom(withoutExtension(file));
      for (const module of importsOf(file)) {
        const ours = module === 'lib' || module.startsWith('lib/');
        const allowed = ours
          ? libRoom(module) === room || LIB_ARROWS[room]?.includes(libRoom(module))
          : module.startsWith('node:') || (module in dependencies && (ROOM_OF_DEPENDENCY[module] ?? room) === room);
        if (!allowed) wrong.push(`${file} imports '${module}'`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('modules of Node are named with node:', () => {
    const bare = libFiles.flatMap((file) => importsOf(file).filter((module) => builtinModules.includes(module)));
    expect(bare).toEqual([]);
  });
});

// --- Nothing lies about unused ---

describe('every file is used', () => {
  test('headers are included by another file', () => {
    const sources = [...addonFiles, ...testFiles.filter((file) => /\.(h|cc)$/.test(file))];
    const included = new Set(
      sources.flatMap((file) => includesOf(file).quoted.filter((name) => withoutExtension(`addon/${name}`) !== withoutExtension(file))),
    );
    // A header that only its own source and its own test include is used by nothing.
    const tested = (name: string): boolean => addonFiles.some((file) => file !== `addon/${name}` && includesOf(file).quoted.includes(name));
    const unused = addonFiles
      .filter((file) => file.endsWith('.h'))
      .map((file) => file.slice('addon/'.length))
      .filter((name) => !included.has(name) || !tested(name));
    expect(unused).toEqual([]);
  });

  test('sources of the addon implement a header of their name', () => {
    const alone = addonFiles.filter((file) => file.endsWith('.cc') && !existsSync(join(root, file.replace(/cc$/, 'h'))));
    expect(alone).toEqual(Object.keys(SOURCES_WITHOUT_HEADER).sort());
  });

  test('modules of lib/ are imported by another one', () => {
    const imported = new Set(libFiles.flatMap(importsOf).flatMap((module) => [module, `${module}/index`]));
    expect(libFiles.filter((file) => !LIB_ENTRIES.includes(file) && !imported.has(withoutExtension(file)))).toEqual([]);
  });

  test('what is under test/ is a test or is named by another file there', () => {
    const isEntry = (file: string): boolean =>
      /\.test\.ts$|_test\.cc$|^test\/scripts\/.+\.pkt$|^test\/fuzz\/\w+\.cc$|^test\/fuzz\/corpus\/|\/tsconfig\.json$|\/Makefile$|^test\/run\.js$|^test\/bench\/run\.js$|^test\/types\/[^/]+\.ts$|\.md$/.test(file);
    const texts = new Map([...testFiles, ...filesUnder('examples'), 'package.json', 'jest.config.js'].map((file) => [file, read(file)]));
    const named = (file: string): boolean => {
      const name = basename(withoutExtension(file));
      return [...texts].some(([other, text]) => other !== file && text.includes(name));
    };
    expect(testFiles.filter((file) => !isEntry(file) && !named(file))).toEqual([]);
  });
});

// --- One noun, one header, one test ---

describe('nouns of the addon have a test of their name', () => {
  const headers = addonFiles.filter((file) => file.endsWith('.h')).map((file) => file.slice('addon/'.length));
  const testOf = (header: string): string => `test/addon/${header.replace(/\.h$/, '_test.cc')}`;
  const isTested = (header: string): boolean => existsSync(join(root, testOf(header)));
  const isExcused = (header: string): boolean => header in HEADERS_WITHOUT_TEST || dirname(header) in HEADERS_WITHOUT_TEST;

  test('or are excused with a reason', () => {
    expect(headers.filter((header) => !isTested(header) && !isExcused(header)).map(testOf)).toEqual([]);
  });

  test('and no excuse is out of date', () => {
    const excused = Object.keys(HEADERS_WITHOUT_TEST).filter((name) => name.endsWith('.h'));
    expect(excused.filter((header) => !headers.includes(header) || isTested(header))).toEqual([]);
  });
});

// --- The public names ---

test('every name that lib/index.ts exports has a comment with a summary', () => {
  const config = ts.getParsedCommandLineOfConfigFile(join(root, 'tsconfig.json'), { noEmit: true }, {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: () => {},
  });
  const index = join(root, 'lib', 'index.ts');
  const program = ts.createProgram([index], config!.options);
  const checker = program.getTypeChecker();
  const module = checker.getSymbolAtLocation(program.getSourceFile(index)!);
  const names = checker.getExportsOfModule(module!);
  expect(names.length).toBeGreaterThan(50);

  const silent = names.filter((name) => {
    const symbol = name.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(name) : name;
    return ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim() === '';
  });
  expect(silent.map((name) => name.getName())).toEqual([]);
});

// --- The face of the repository ---

// An unpacked archive has no list of what belongs to the repository.
const testInGit = existsSync(join(root, '.git')) ? test : test.skip;

testInGit('the top level holds what the plan names', () => {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' });
  // A file that was deleted and not yet committed is still listed.
  const present = listed.split('\n').filter((file) => file !== '' && existsSync(join(root, file)));
  const top = [...new Set(present.map((file) => file.split('/')[0]))];
  expect(top.filter((name) => ![...TOP_LEVEL_REQUIRED, ...TOP_LEVEL_OPTIONAL].includes(name))).toEqual([]);
  expect(TOP_LEVEL_REQUIRED.filter((name) => !top.includes(name))).toEqual([]);
});

// --- What has grown long ---

interface Span {
  name: string;
  lines: number;
}

function functionsOfTypeScript(file: string): Span[] {
  const source = ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest, true);
  const line = (position: number): number => source.getLineAndCharacterOfPosition(position).line;
  const spans: Span[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && 'body' in node && node.body !== undefined) {
      const name = (node.name ?? (ts.isVariableDeclaration(node.parent) ? node.parent.name : undefined))?.getText(source);
      if (name !== undefined) spans.push({ name, lines: line(node.getEnd()) - line(node.getStart(source)) + 1 });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return spans;
}

/** Finds functions by their braces: a block whose head has parentheses and starts with no word that opens another kind of block. */
function functionsOfCpp(file: string): Span[] {
  const text = read(file).replace(
    /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])'|^[ \t]*#(?:\\\n|[^\n])*/gm,
    (skipped) => skipped.replace(/[^\n]/g, ' '),
  );
  const spans: Span[] = [];
  const open: { name?: string; line: number }[] = [];
  let head = '';
  let line = 1;
  for (const character of text) {
    if (character === '\n') line++;
    if (character === '{') {
      const inFunction = open.some((block) => block.name !== undefined);
      const isFunction = !inFunction && /\)[^()]*$/.test(head) && !/^\s*(namespace|class|struct|enum|union|extern)\b/.test(head);
      open.push({ name: isFunction ? /([\w:~]+|operator\S+)\s*\(/.exec(head)?.[1] : undefined, line });
    } else if (character === '}') {
      const block = open.pop();
      if (block?.name !== undefined) spans.push({ name: block.name, lines: line - block.line + 1 });
    }
    head = '{};'.includes(character) ? '' : head + character;
  }
  return spans;
}

test('the brace counter finds functions of C++', () => {
  const spans = addonFiles.flatMap(functionsOfCpp);
  expect(spans.map(({ name }) => name)).toContain('errno_name');
  expect(functionsOfCpp('addon/base/errno.cc').every(({ lines }) => lines < FUNCTION_LINES_NOTICED)).toBe(true);
});

test('long files and functions are noticed', () => {
  const sources = [...addonFiles, ...libFiles, ...testFiles.filter((file) => /\.(ts|h|cc|js)$/.test(file))];
  const long = sources
    .map((file) => ({ file, lines: read(file).split('\n').length - 1 }))
    .filter(({ lines }) => lines > FILE_LINES_NOTICED)
    .map(({ file, lines }) => `${file}: ${lines} lines`);
  for (const file of [...addonFiles, ...libFiles]) {
    const spans = file.endsWith('.ts') ? functionsOfTypeScript(file) : functionsOfCpp(file);
    for (const { name, lines } of spans) if (lines > FUNCTION_LINES_NOTICED) long.push(`${file}: ${name} has ${lines} lines`);
  }
  // Straight to the terminal: console.log of Jest adds a stack to every line.
  if (long.length > 0) process.stderr.write(`Long files and functions:\n${long.map((entry) => `  ${entry}\n`).join('')}`);
});
