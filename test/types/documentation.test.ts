// Compiles every @example in the comments of lib/, and every TypeScript block of the pages in Markdown, each as a program of its own
// that imports 'demi-io'. What the documentation shows works.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import * as ts from 'typescript';

const root = join(__dirname, '..', '..');
const index = join(root, 'lib', 'index.ts');

interface Example {
  /** The file that it would be. */
  file: string;
  /** Where it stands. */
  origin: string;
  text: string;
}

function examplesOf(file: string): Example[] {
  const source = ts.createSourceFile(file, ts.sys.readFile(file)!, ts.ScriptTarget.Latest, true);
  const examples: Example[] = [];
  const visit = (node: ts.Node): void => {
    for (const tag of ts.getJSDocTags(node)) {
      // A tag belongs to the declaration, and is also found from the parts of it.
      if (tag.tagName.text !== 'example' || tag.parent.parent !== node) continue;
      const line = source.getLineAndCharacterOfPosition(tag.getStart(source)).line + 1;
      const origin = `${file.slice(root.length + 1)}:${line}`;
      const blocks = [...(ts.getTextOfJSDocComment(tag.comment) ?? '').matchAll(/```ts\n([\s\S]*?)```/g)];
      if (blocks.length === 0) throw new Error(`${origin}: an @example holds no block that starts with \`\`\`ts`);
      for (const [, text] of blocks) {
        const name = `example-${origin.replace(/[^a-z0-9]+/gi, '-')}-${examples.length}.ts`;
        examples.push({ file: join(root, 'test', 'types', name), origin, text: `${text}\nexport {};\n` });
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return examples;
}

/** The blocks of a page that start with ```ts. */
function examplesOfPage(page: string): Example[] {
  const text = readFileSync(join(root, page), 'utf8');
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map((block, i) => {
    const line = text.slice(0, block.index).split('\n').length;
    const file = join(root, 'test', 'types', `page-${page.replace(/\W+/g, '-')}-${i}.ts`);
    return { file, origin: `${page}:${line}`, text: `${block[1]}\nexport {};\n` };
  });
}

function compile(examples: Example[]): string[] {
  const texts = new Map(examples.map((example) => [example.file, example]));
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
    // An example may await at its top, as in an ES module.
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    types: ['node'],
    strict: true,
    noEmit: true,
    skipLibCheck: true,
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = (file) => texts.has(file) || fileExists.call(host, file);
  host.readFile = (file) => texts.get(file)?.text ?? readFile.call(host, file);
  host.getSourceFile = (file, ...rest) => {
    const example = texts.get(file);
    return example ? ts.createSourceFile(file, example.text, ts.ScriptTarget.ES2022, true) : getSourceFile.call(host, file, ...rest);
  };
  host.resolveModuleNameLiterals = (literals, containingFile) =>
    literals.map(({ text }) =>
      text === 'demi-io'
        ? { resolvedModule: { resolvedFileName: index, extension: ts.Extension.Ts, isExternalLibraryImport: false } }
        : ts.resolveModuleName(text, containingFile, options, host),
    );
  const program = ts.createProgram([...texts.keys()], options, host);
  return [...texts.keys()].flatMap((file) => {
    const source = program.getSourceFile(file)!;
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map((diagnostic) => {
      const { line } = source.getLineAndCharacterOfPosition(diagnostic.start ?? 0);
      const words = ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n');
      return `${texts.get(file)!.origin}, line ${line + 1} of the example: ${words}`;
    });
  });
}

test('every @example compiles', () => {
  const files = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  const examples = files.flatMap((file) => examplesOf(join(root, 'lib', file)));
  expect(examples.length).toBeGreaterThan(0);
  expect(compile(examples)).toEqual([]);
});

test('every TypeScript block of the pages compiles', () => {
  const pages = readdirSync(root).filter((name) => name.endsWith('.md'));
  const examples = pages.flatMap(examplesOfPage);
  expect(examples.length).toBeGreaterThan(0);
  expect(compile(examples)).toEqual([]);
});
