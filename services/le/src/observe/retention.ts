import { observePrincipal } from '@tenma/protocol';
import { type Clock, createRecentMap, type Log, sleep } from '@tenma/runtime';
import type { Store } from '@tenma/store';
import type { DocumentCache, Write } from '../documents/document-cache.ts';
import type { Lease } from './lease.ts';

interface Components {
  readonly store: Store;
  readonly documents: DocumentCache;
  readonly lease: Lease;
  readonly clock: Clock;
  readonly log: Log;
}

export interface RetentionOptions {
  /** Ended tasks are kept this long after they were made. Default 7 days. */
  readonly taskRetentionMs?: number;
  /** Those that `observe` made: thousands an hour, of no use once they have been counted. Default 10 min. */
  readonly probeRetentionMs?: number;
  /** The newest of them. Default 1,000. */
  readonly failoversKept?: number;
}

const firstMs = 5_000;
const everyMs = 60_000;
const chunkTasks = 1_000;
/** Of each kind of record in a round; of tasks: 3,300 a second, several times what 10,000 nodes make. */
const chunksMax = 200;
/** Between two chunks, and never less than the chunk took: others use the store, too. */
const restMs = 50;
/** Of half a MiB each. */
const chunkParts = 20;
const documentsAtOnce = 200;
const goneMax = 20_000;

/** While the lease is held, forgets what is old, so that the store stays bounded for ever. */
export function startRetention(components: Components, options: RetentionOptions = {}): AsyncDisposable {
  const { store, documents, lease, clock, log } = components;
  const stopping = new AbortController();
  const gone = watchGoneNodes(documents);

  async function run(): Promise<void> {
    for (let pauseMs = firstMs; ; pauseMs = everyMs) {
      await sleep(clock, pauseMs, stopping.signal);
      if (!lease.held || !documents.loaded || store.status !== 'connected') continue;
      await round(components, options, gone, stopping.signal).catch((error: unknown) => {
        if (!stopping.signal.aborted) log.warn({ err: error }, 'old records are not forgotten yet');
      });
    }
  }

  const running = run().catch(() => undefined);
  return {
    async [Symbol.asyncDispose]() {
      gone[Symbol.dispose]();
      stopping.abort(new Error('LE stops'));
      await running;
    },
  };
}

async function round(
  components: Components,
  options: RetentionOptions,
  gone: GoneNodes,
  signal: AbortSignal,
): Promise<void> {
  const { taskRetentionMs = 7 * 24 * 3_600_000, probeRetentionMs = 600_000, failoversKept = 1_000 } = options;
  const { store, clock, log } = components;
  const now = clock.now();
  const old = { createdBefore: now - probeRetentionMs, principal: observePrincipal };
  const forgetTasks = (what: { createdBefore: number; principal?: string }) =>
    inChunks(components, chunkTasks, (limit) => store.forgetTasks({ ...what, limit }), signal);
  const probes = await forgetTasks(old);
  const tasks = await forgetTasks({ createdBefore: now - taskRetentionMs });
  const forgetBlobParts = (limit: number) => store.forgetBlobParts({ expiredBy: now, limit });
  const blobParts = await inChunks(components, chunkParts, forgetBlobParts, signal);
  const nodes = gone.take();
  if (nodes.length > 0) {
    await store.forgetObservations(nodes).catch((error: unknown) => {
      gone.putBack(nodes);
      throw error;
    });
  }
  await deleteDocuments(components, [
    ...oldFailovers(components, failoversKept),
    ...strayVectors(components),
  ]);
  if (probes + tasks + blobParts > 0) log.debug({ probes, tasks, blobParts }, 'old records are forgotten');
}

async function inChunks(
  { lease, clock }: Components,
  size: number,
  forget: (limit: number) => Promise<number>,
  signal: AbortSignal,
): Promise<number> {
  let forgotten = 0;
  for (let chunk = 0; chunk < chunksMax && lease.held; chunk += 1) {
    const begun = clock.monotonic();
    const count = await forget(size);
    forgotten += count;
    if (count < size) break;
    await sleep(clock, Math.max(restMs, clock.monotonic() - begun), signal);
  }
  return forgotten;
}

function oldFailovers({ documents }: Components, kept: number): Write[] {
  const newestFirst = [...documents.all('failover')].sort(
    ([, a], [, b]) => Date.parse(b.value.timestamp) - Date.parse(a.value.timestamp) || b.version - a.version,
  );
  return newestFirst
    .slice(kept)
    .map(([id, { version }]) => ({ kind: 'failover', id, expected: version, value: null }));
}

/** What was measured from regions that are gone. */
function strayVectors({ documents }: Components): Write[] {
  return [...documents.all('latency')]
    .filter(([id]) => !documents.get('region', id))
    .map(([id, { version }]) => ({ kind: 'latency', id, expected: version, value: null }));
}

/** One that has changed meanwhile keeps its chunk until the next round. */
async function deleteDocuments({ documents, lease }: Components, writes: readonly Write[]): Promise<void> {
  for (let start = 0; start < writes.length && lease.held; start += documentsAtOnce) {
    await documents.write(writes.slice(start, start + documentsAtOnce));
  }
}

/**
 * Nodes that have gone since this replica looks, and have not come back. Every replica keeps them, as any may get the
 * lease; forgetting them twice does no harm. Not at once: probes on their way still bring observations.
 */
interface GoneNodes extends Disposable {
  take(): string[];
  putBack(ids: readonly string[]): void;
}

function watchGoneNodes(documents: DocumentCache): GoneNodes {
  const gone = createRecentMap<true>(goneMax);
  const listening = documents.onChange((changes) => {
    for (const { kind, id } of changes) {
      if (kind !== 'node') continue;
      if (documents.get('node', id)) gone.delete(id);
      else gone.set(id, true);
    }
  });
  return {
    take() {
      const ids = [...gone.entries()].map(([id]) => id);
      for (const id of ids) gone.delete(id);
      return ids;
    },
    putBack(ids) {
      for (const id of ids) if (!documents.get('node', id)) gone.set(id, true);
    },
    [Symbol.dispose]: () => listening[Symbol.dispose](),
  };
}
