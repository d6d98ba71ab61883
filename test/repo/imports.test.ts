import { describe, expect, it } from 'vitest';
import {
  importsOf,
  pathsIntoOtherPackages,
  strayAdapters,
  strayDrivers,
  upwardImports,
} from './rules/imports.ts';
import { report, sourceTree, treeOf } from './source-tree.ts';

const tree = sourceTree();

describe('the direction of imports', () => {
  it('is down, for every import of every package and service', () => {
    expect(report(upwardImports(tree))).toEqual([]);
  });

  it.each([
    ['up', 'packages/protocol/src/a.ts', `import type { Bus } from '@tenma/bus';`],
    ['to an equal', 'packages/bus/src/a.ts', `export { x } from '@tenma/store';`],
    ['from service to service', 'services/le/src/a.ts', `const ic = await import('@tenma/ic');`],
    ['by a path', 'services/le/src/a.ts', `import { x } from '../../ic/src/ic.ts';`],
    ['over several lines', 'packages/fleet/src/a.ts', `import {\n  a,\n  b,\n} from '@tenma/client';`],
  ])('is seen when it goes %s', (_, path, text) => {
    expect(report(upwardImports(treeOf({ [path]: text })))).toHaveLength(1);
  });

  it('is not confused by comments and strings', () => {
    const text = `// import '@tenma/cli';\nconst a = "import x from '@tenma/cli'";\nimport { z } from 'zod';`;
    expect(report(upwardImports(treeOf({ 'packages/bus/src/a.ts': text })))).toEqual([]);
  });

  it('wants a level of every new package', () => {
    expect(report(upwardImports(treeOf({ 'packages/new/src/a.ts': '' })))).toHaveLength(1);
  });

  it('enters packages by their front door', () => {
    expect(report(pathsIntoOtherPackages(tree))).toEqual([]);
    const stray = treeOf({ 'packages/bus/src/a.ts': `import '../../runtime/src/clock.ts';` });
    expect(report(pathsIntoOtherPackages(stray))).toHaveLength(1);
  });
});

describe('drivers and adapters', () => {
  it('are imported in one folder each', () => {
    expect(report(strayDrivers(tree))).toEqual([]);
  });

  it.each([
    ['packages/bus/src/memory/a.ts', `import amqplib from 'amqplib';`],
    ['services/ic/src/a.ts', `import { connect } from 'mqtt';`],
    ['services/le/src/a.ts', `import { DatabaseSync } from 'node:sqlite';`],
    ['packages/client/src/a.ts', `import swagger from '@fastify/swagger';`],
  ])('are missed nowhere: %s', (path, text) => {
    expect(report(strayDrivers(treeOf({ [path]: text })))).toHaveLength(1);
  });

  it('have a name only where a process is put together', () => {
    expect(report(strayAdapters(tree))).toEqual([]);
    const stray = { 'services/le/src/le.ts': `import { createAmqpBus } from '@tenma/bus/amqp';` };
    expect(report(strayAdapters(treeOf(stray)))).toHaveLength(1);
    const main = { 'services/le/src/main.ts': `import { createAmqpBus } from '@tenma/bus/amqp';` };
    expect(report(strayAdapters(treeOf(main)))).toEqual([]);
  });
});

it('the tree that these rules read is the repository', () => {
  expect(tree.length).toBeGreaterThan(100);
  expect(tree.flatMap(importsOf).length).toBeGreaterThan(500);
});
