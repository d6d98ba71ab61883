import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorCodes } from '@tenma/protocol';
import { describe, expect, it } from 'vitest';
import { settingsTable } from '../../tools/generate/settings.ts';
import { withSection } from '../../tools/generate/sections.ts';
import { errorCodesUsed } from './rules/conventions.ts';
import { anchorsOf, brokenLinks, errorFaults, readmeFaults } from './rules/documents.ts';
import { filesBelow, isTestCode, report, root, sourceTree, treeOf } from './source-tree.ts';

const markdown = [
  'README.md',
  'CONTRIBUTING.md',
  ...filesBelow('docs', 'packages', 'services', 'bench', 'deploy'),
];
const documents = markdown
  .filter((path) => path.endsWith('.md'))
  .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
const folders = ['packages', 'services'].flatMap((parent) =>
  readdirSync(join(root, parent))
    .map((name) => `${parent}/${name}`)
    .filter((folder) => existsSync(join(root, folder, 'package.json'))),
);

describe('documents', () => {
  it('every package and service has a README that begins with what it is', () => {
    expect(report(readmeFaults(folders, documents))).toEqual([]);
  });

  it('a README that is missing or begins otherwise is seen', () => {
    const found = readmeFaults(
      ['packages/a', 'packages/b'],
      [{ path: 'packages/a/README.md', text: 'Hello\n' }],
    );
    expect(report(found)).toEqual([
      'packages/a/README.md:1 has to begin with a heading',
      'packages/b/README.md is missing',
    ]);
  });

  it('every relative link leads somewhere', () => {
    const exists = (path: string) => existsSync(join(root, path));
    expect(report(brokenLinks(documents, exists))).toEqual([]);
  });

  it('a link to a file or a heading that is not there is seen', () => {
    const text =
      '# A b\n\n[x](gone.md) [y](b.md#no) [z](#a-b) `[code](gone.md)` [out](https://example.com)\n';
    const tree = [
      { path: 'docs/a.md', text },
      { path: 'docs/b.md', text: '# Other\n' },
    ];
    const found = brokenLinks(tree, (path) => tree.some((document) => document.path === path));
    expect(report(found)).toEqual([
      'docs/a.md:3 links to gone.md, which is not there',
      'docs/a.md:3 links to b.md#no: there is no such heading',
    ]);
    expect([...anchorsOf('## LE (`services/le`)\n')]).toEqual(['le-servicesle']);
  });
});

describe('errors', () => {
  const source = sourceTree().filter(({ path }) => !isTestCode(path));
  const errors = readFileSync(join(root, 'docs/errors.md'), 'utf8');

  it('every code that is used is in the catalogue, and every one of the catalogue is documented', () => {
    const used = errorCodesUsed(source);
    expect(used.length).toBeGreaterThan(20);
    expect(report(errorFaults(used, errorCodes, errors))).toEqual([]);
  });

  it('a code that is neither is seen', () => {
    const used = errorCodesUsed(
      treeOf({ 'services/le/src/a.ts': `throw new ProblemError('no_such_code');` }),
    );
    expect(report(errorFaults(used, ['other'], ''))).toEqual([
      'services/le/src/a.ts:1 uses the error no_such_code, which is not in the catalogue',
      'docs/errors.md does not have other',
    ]);
  });
});

describe('what is generated', () => {
  it('is current', { timeout: 30_000 }, () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['tools/generate.ts', '--check'], {
      cwd: root,
      encoding: 'utf8',
    });
    expect({ status, stdout, stderr }).toMatchObject({ status: 0, stdout: '' });
  });

  it('replaces a section and nothing else', () => {
    const text = 'a\n<!-- generated: x -->\nold\n<!-- /generated -->\nb\n';
    expect(withSection(text, 'x', 'new')).toBe('a\n<!-- generated: x -->\nnew\n<!-- /generated -->\nb\n');
    expect(() => withSection(text, 'y', 'new')).toThrow('no section');
  });

  it('takes a default from the schema, or from the description where it is computed', () => {
    const table = settingsTable({
      properties: {
        A: { description: 'First. Default: a free one.' },
        B: { description: 'Second', default: 5 },
        C: { description: 'Third' },
      },
      required: ['C'],
    });
    expect(table.split('\n').slice(2)).toEqual([
      '| `TENMA_A` | a free one | First. |',
      '| `TENMA_B` | `5` | Second |',
      '| `TENMA_C` | required | Third |',
    ]);
    expect(() => settingsTable({ properties: { A: {} } })).toThrow('no description');
  });
});
