import {
  failoverRequestSchema,
  geoDocumentSchema,
  type NewNode,
  newNodeSchema,
  newRegionSchema,
} from '@tenma/protocol';
import { describe, expect, it } from 'vitest';
import type { Answer } from '../documents/change-documents.ts';
import type { DocumentCache } from '../documents/document-cache.ts';
import { openRegistry, type Registry } from '../http/fixtures/registry.ts';
import { importDocument } from './document.ts';
import { createNode, deleteNode } from './nodes.ts';
import { createRegion, deleteRegion, updateRegion } from './regions.ts';

const osaka = newRegionSchema.parse({ region_id: 'osaka', location: { lat: 34.69, lon: 135.5 } });
const node = (node_id: string, region_id = 'osaka'): NewNode =>
  newNodeSchema.parse({ node_id, region_id, endpoint: '127.0.0.1:8000' });
const codeOf = (answer: Answer<unknown>) => ('problem' in answer ? answer.problem.code : 'done');

/** The same cache, but whoever writes for the first time is overtaken by `first`. */
function overtaken(documents: DocumentCache, first: () => Promise<unknown>): DocumentCache {
  let done = false;
  return {
    ...documents,
    get loaded() {
      return documents.loaded;
    },
    get: (kind, id) => documents.get(kind, id),
    all: (kind) => documents.all(kind),
    refresh: () => documents.refresh(),
    onChange: (listener) => documents.onChange(listener),
    async write(writes) {
      if (!done) {
        done = true;
        await first();
      }
      return documents.write(writes);
    },
  };
}

async function withOsaka(): Promise<Registry> {
  const registry = await openRegistry();
  await createRegion(registry.verbs, osaka);
  return registry;
}

describe('changes of two replicas at the same moment', () => {
  it('never leave a node whose region was deleted', async () => {
    await using registry = await withOsaka();
    const { verbs, documents } = registry;
    await using other = await registry.replica();
    const late = overtaken(other.documents, () => deleteRegion(verbs, 'osaka'));
    const answer = await createNode({ ...verbs, ...other, documents: late }, node('a'));
    expect(codeOf(answer)).toBe('unknown_region');
    expect(documents.get('node', 'a')).toBeUndefined();
  });

  it('never delete a region to which a node was added', async () => {
    await using registry = await withOsaka();
    const { verbs, documents } = registry;
    await using other = await registry.replica();
    const late = overtaken(other.documents, () => createNode(verbs, node('a')));
    expect(codeOf(await deleteRegion({ ...other, documents: late }, 'osaka'))).toBe('region_in_use');
    expect(documents.get('region', 'osaka')).toBeDefined();
  });

  it.each(['by hand', 'by a failover'])(
    'never delete the region that became the active one %s',
    async (how) => {
      await using registry = await withOsaka();
      const { verbs, documents } = registry;
      await using other = await registry.replica();
      const order = failoverRequestSchema.parse({ from_region: 'ap-northeast-1', to_region: 'osaka' });
      const late = overtaken(other.documents, () =>
        how === 'by hand' ? verbs.failover.activate('osaka') : verbs.failover.request(order),
      );
      expect(codeOf(await deleteRegion({ ...other, documents: late }, 'osaka'))).toBe('region_in_use');
      expect(documents.get('region', 'osaka')).toBeDefined();
    },
  );

  it('both count: a patch is made anew over what was written meanwhile', async () => {
    await using registry = await withOsaka();
    const { verbs, documents } = registry;
    await using other = await registry.replica();
    const late = overtaken(other.documents, () => updateRegion(verbs, 'osaka', { priority: 7 }));
    const answer = await updateRegion({ ...other, documents: late }, 'osaka', { maintenance: true });
    expect(answer).toMatchObject({ value: { priority: 7, maintenance: true } });
    await documents.refresh();
    expect(documents.get('region', 'osaka')?.value).toMatchObject({ priority: 7, maintenance: true });
  });

  it('are judged anew: what an import leaves active must be so still', async () => {
    await using registry = await openRegistry();
    const { verbs, documents } = registry;
    await using other = await registry.replica();
    const regions = [{ region_id: 'ap-northeast-1', location: osaka.location, maintenance: true }];
    const said = { version: 1, active_region: 'ap-northeast-1', regions, nodes: [] };
    const late = overtaken(other.documents, () => verbs.failover.activate('us-east-1'));
    const imported = await importDocument(
      { ...verbs, ...other, documents: late },
      geoDocumentSchema.parse(said),
    );
    expect(codeOf(imported)).toBe('failover_refused');
    expect(documents.all('region').size).toBe(5);
    expect(documents.get('active-region', 'active')?.value).toMatchObject({
      region_id: 'us-east-1',
      epoch: 2,
    });
  });

  it('are given up with the word that it has changed, after a few lost races', async () => {
    await using registry = await withOsaka();
    let writes = 0;
    const documents: DocumentCache = {
      ...overtaken(registry.documents, () => Promise.resolve()),
      write() {
        writes += 1;
        return Promise.resolve({ kind: 'region', id: 'osaka' });
      },
    };
    const answer = await updateRegion({ ...registry.verbs, documents }, 'osaka', { priority: 7 });
    expect(codeOf(answer)).toBe('changed_meanwhile');
    expect(writes).toBeGreaterThan(1);
    expect(registry.documents.get('region', 'osaka')?.value.priority).toBe(100);
  });
});

describe('many changes at once', () => {
  it('all register their node, though they write over the same region', async () => {
    await using registry = await withOsaka();
    const ids = Array.from({ length: 100 }, (_, index) => `node-${index}`);
    const answers = await Promise.all(
      ids.map((node_id) => registry.ask('POST', '/api/geo/nodes', { ...node(node_id) })),
    );
    expect(answers.map(({ status }) => status)).toEqual(ids.map(() => 201));
    expect(registry.documents.all('node').size).toBe(100);
  });

  it('register one node of an id, and refuse the others', async () => {
    await using registry = await withOsaka();
    const answers = await Promise.all(
      ['osaka', 'us-east-1', 'eu-west-1'].map((region) => createNode(registry.verbs, node('a', region))),
    );
    expect(answers.map(codeOf).sort()).toEqual(['already_exists', 'already_exists', 'done']);
  });
});

describe('what was found out about something deleted', () => {
  const verdict = { status: 'offline', reason: 'dead', since: '2026-02-20T10:30:00.000Z' } as const;
  const known = { ...verdict, quarantined: true, observers: [] };

  it('goes with it', async () => {
    await using registry = await withOsaka();
    const { verbs, documents } = registry;
    await createNode(verbs, node('a'));
    await documents.write([
      { kind: 'node-verdict', id: 'a', expected: 0, value: known },
      { kind: 'region-verdict', id: 'osaka', expected: 0, value: known },
      { kind: 'latency', id: 'osaka', expected: 0, value: { from: 'osaka', to: {}, coordinate: null } },
    ]);
    await deleteNode(verbs, 'a');
    await deleteRegion(verbs, 'osaka');
    for (const kind of ['node', 'node-verdict', 'region-verdict', 'latency'] as const) {
      expect([kind, documents.all(kind).size]).toEqual([kind, 0]);
    }
  });

  it('is not held against the next one of its id, even if it was written late', async () => {
    await using registry = await openRegistry();
    const { verbs, documents, ask } = registry;
    await documents.write([
      { kind: 'node-verdict', id: 'a', expected: 0, value: known },
      { kind: 'region-verdict', id: 'osaka', expected: 0, value: known },
    ]);
    await createRegion(verbs, osaka);
    await createNode(verbs, node('a'));
    expect((await ask('GET', '/api/geo/regions/osaka')).body).toMatchObject({ status: 'online' });
    expect((await ask('GET', '/api/geo/nodes/a')).body).toMatchObject({ status: 'unknown' });
  });
});

describe('a node whose results cannot be deleted', () => {
  it('is deleted all the same', async () => {
    await using registry = await withOsaka();
    const { verbs, documents } = registry;
    await createNode(verbs, node('a'));
    const store = { ...verbs.store, forgetObservations: () => Promise.reject(new Error('away')) };
    expect(codeOf(await deleteNode({ ...verbs, store }, 'a'))).toBe('done');
    expect(documents.get('node', 'a')).toBeUndefined();
  });
});
