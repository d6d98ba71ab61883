import type { Verdict } from '@tenma/protocol';
import { manualClock, silentLog } from '@tenma/runtime';
import { StoreUnavailableError } from '@tenma/store';
import { describe, expect, test } from 'vitest';
import type { DocumentCache, Write } from '../documents/document-cache.ts';
import { fakeLease } from './fixtures/fake-lease.ts';
import { node, region, verdict } from './fixtures/region-documents.ts';
import { startVerdictWriter } from './verdict-writer.ts';

/** Documents in memory, and what was written of them. */
function fakeDocuments() {
  const values = new Map<string, { version: number; value: unknown }>();
  const calls: (readonly Write[])[] = [];
  let away = false;
  let onItsWay = (): Promise<void> => Promise.resolve();
  let version = 0;
  const put = ({ kind, id, value }: { kind: string; id: string; value: unknown }) => {
    if (value === null) values.delete(`${kind}/${id}`);
    else values.set(`${kind}/${id}`, { version: ++version, value });
  };
  const cache = {
    get: (kind: string, id: string) => values.get(`${kind}/${id}`),
    async write(writes: readonly Write[]) {
      if (away) throw new StoreUnavailableError('away');
      if (writes.length === 0) return null;
      calls.push(writes);
      await onItsWay();
      const late = writes.find(
        ({ kind, id, expected }) => (values.get(`${kind}/${id}`)?.version ?? 0) !== expected,
      );
      if (late) return { kind: late.kind, id: late.id };
      for (const write of writes) put(write);
      return null;
    },
  };
  return {
    cache: cache as unknown as DocumentCache,
    calls,
    put,
    /** What happens while a write is on its way. */
    meanwhile: (action: () => Promise<void>) => void (onItsWay = action),
    setAway: (now: boolean) => void (away = now),
    statusOf: (id: string) => (values.get(`node-verdict/${id}`)?.value as Verdict | undefined)?.status,
  };
}

function setUp() {
  const clock = manualClock(1_000_000);
  const documents = fakeDocuments();
  const lease = fakeLease(true);
  for (const id of ['n1', 'n2', 'n3']) documents.put(node(id, 'tokyo'));
  documents.put(region('tokyo'));
  const writer = startVerdictWriter({ documents: documents.cache, lease, clock, log: silentLog() });
  return { clock, documents, lease, writer };
}

const online = verdict('node-verdict', 'x', 'online').value;
const offline = verdict('node-verdict', 'x', 'offline').value;

describe('the writer of verdicts', () => {
  test('does not undo what the next holder of the lease has written while it slept', async () => {
    const { clock, documents, lease, writer } = setUp();
    await using _ = writer;
    documents.meanwhile(async () => {
      documents.meanwhile(() => Promise.resolve());
      documents.put({ kind: 'node-verdict', id: 'n1', value: offline });
      lease.set(false);
    });
    writer.put('node-verdict', 'n1', online);
    await clock.advance(5_000);
    expect(documents.statusOf('n1')).toBe('offline');
    lease.set(true);
    await clock.advance(5_000);
    expect(documents.statusOf('n1')).toBe('online');
  });

  test('writes those of one turn together, the newest of each', async () => {
    const { clock, documents, writer } = setUp();
    await using _ = writer;
    writer.put('node-verdict', 'n1', online);
    writer.put('node-verdict', 'n2', online);
    writer.put('node-verdict', 'n1', offline);
    writer.put('region-verdict', 'tokyo', online);
    await clock.advance(10);
    expect(documents.calls.map((writes) => writes.map(({ id }) => id))).toEqual([['n1', 'n2', 'tokyo']]);
    expect([documents.statusOf('n1'), documents.statusOf('n2')]).toEqual(['offline', 'online']);
  });

  test('does not write what stands there already', async () => {
    const { clock, documents, writer } = setUp();
    await using _ = writer;
    writer.put('node-verdict', 'n1', online);
    await clock.advance(10);
    writer.put('node-verdict', 'n1', { ...online, since: '2030-01-01T00:00:00.000Z' });
    await clock.advance(10);
    expect(documents.calls).toHaveLength(1);
    writer.put('node-verdict', 'n1', { ...online, quarantined: true });
    await clock.advance(10);
    expect(documents.calls).toHaveLength(2);
  });

  test('tries again while the store is away, and then writes what is newest', async () => {
    const { clock, documents, writer } = setUp();
    await using _ = writer;
    documents.setAway(true);
    writer.put('node-verdict', 'n1', online);
    writer.put('node-verdict', 'n2', online);
    await clock.advance(5_000);
    writer.put('node-verdict', 'n1', offline);
    await clock.advance(5_000);
    expect(documents.calls).toEqual([]);
    documents.setAway(false);
    await clock.advance(1_000);
    expect([documents.statusOf('n1'), documents.statusOf('n2')]).toEqual(['offline', 'online']);
  });

  test('brings nothing back that is gone, and takes its verdict away', async () => {
    const { clock, documents, writer } = setUp();
    await using _ = writer;
    documents.put({ ...verdict('node-verdict', 'n9', 'online') });
    writer.put('node-verdict', 'n8', online);
    writer.put('node-verdict', 'n9', offline);
    await clock.advance(10);
    expect(documents.calls.flat()).toEqual([{ kind: 'node-verdict', id: 'n9', expected: 5, value: null }]);
  });

  test('writes nothing that the lease no longer covers, nor after its end', async () => {
    const { clock, documents, lease, writer } = setUp();
    lease.runOut();
    writer.put('node-verdict', 'n1', online);
    await clock.advance(3_000);
    await writer[Symbol.asyncDispose]();
    lease.set(true);
    await clock.advance(3_000);
    expect(documents.calls).toEqual([]);
  });

  test('goes on when the lease that had run out is held again', async () => {
    const { clock, documents, lease, writer } = setUp();
    await using _ = writer;
    lease.runOut();
    writer.put('node-verdict', 'n1', online);
    await clock.advance(500);
    lease.set(true);
    await clock.advance(1_000);
    expect(documents.statusOf('n1')).toBe('online');
  });

  test('writes many in several calls', async () => {
    const { clock, documents, writer } = setUp();
    await using _ = writer;
    for (let index = 0; index < 1_200; index += 1) {
      documents.put(node(`m${index}`, 'tokyo'));
      writer.put('node-verdict', `m${index}`, online);
    }
    await clock.advance(10);
    expect(documents.calls.map(({ length }) => length)).toEqual([500, 500, 200]);
  });
});
