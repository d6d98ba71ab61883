import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json } from '@tenma/protocol';
import type { Document, DocumentsWritten, DocumentWrite } from '../documents.ts';
import type { Store } from '../store.ts';
import type { CreateFixture } from './store-fixture.ts';

const write = (id: string, value: Json | null, expected: DocumentWrite['expected'] = 'any') => ({
  kind: 'node',
  id,
  expected,
  value,
});

/** The version of a write that has to go through. */
function versionOf(written: DocumentsWritten): number {
  if ('conflict' in written) throw new Error(`conflict over ${written.conflict.id}`);
  return written.version;
}

const put = async (store: Store, ...writes: DocumentWrite[]) => versionOf(await store.writeDocuments(writes));

const byId = (documents: readonly Document[]) =>
  Object.fromEntries(documents.map((each) => [each.id, each.value]));

export function documentsContract(create: CreateFixture): void {
  describe('documents', () => {
    it('come back as they were written, to the last character', async () => {
      await using fixture = await create();
      const values: Json[] = [
        false,
        0,
        '',
        [],
        {},
        { 'ünï "q"\n': ['\u0000\ud83d\ude00\ud800 \u001e{},', null, -1.5e-7, 2 ** 53 - 1] },
      ];
      const version = await put(fixture.store, ...values.map((value, n) => write(`n${n}`, value)));
      const found = await fixture.store.documentsSince(0);
      expect(found.toSorted((a, b) => (a.id < b.id ? -1 : 1))).toEqual(
        values.map((value, n) => ({ kind: 'node', id: `n${n}`, version, value })),
      );
    });

    it('are named by kind and id together, whatever characters they have', async () => {
      await using fixture = await create();
      const names = [
        ['a', 'b c'],
        ['a b', 'c'],
        ['a', '{"x",\\NULL}'],
        ['NULL', ''],
      ] as const;
      await put(
        fixture.store,
        ...names.map(([kind, id]) => ({ kind, id, expected: 0 as const, value: `${kind}/${id}` })),
      );
      const found = await fixture.store.documentsSince(0);
      expect(found).toHaveLength(names.length);
      for (const each of found) expect(each.value).toBe(`${each.kind}/${each.id}`);
    });

    it('share the version of the call that wrote them; the next call has a higher one', async () => {
      await using fixture = await create();
      const first = await put(fixture.store, write('a', 1), write('b', 1));
      const second = await put(fixture.store, write('b', 2));
      expect(second).toBeGreaterThan(first);
      expect(await fixture.store.documentsSince(0)).toEqual([
        { kind: 'node', id: 'a', version: first, value: 1 },
        { kind: 'node', id: 'b', version: second, value: 2 },
      ]);
    });

    it('are written over the version expected, or not at all', async () => {
      await using fixture = await create();
      const { store } = fixture;
      const first = await put(store, write('a', 1, 0));
      expect(await store.writeDocuments([write('a', 2, 0)])).toEqual({ conflict: { kind: 'node', id: 'a' } });
      expect(await store.writeDocuments([write('a', 2, first + 1)])).toHaveProperty('conflict');
      const second = await put(store, write('a', 2, first));
      expect(await store.writeDocuments([write('a', 3, first)])).toHaveProperty('conflict');
      expect(await store.writeDocuments([write('new', 1, first)])).toHaveProperty('conflict');
      await put(store, write('a', 3, second));
      expect(byId(await store.documentsSince(0))).toEqual({ a: 3 });
    });

    it('are written all or none: a conflict says over which, the first in the order given', async () => {
      await using fixture = await create();
      const { store } = fixture;
      const version = await put(store, write('z', 1), write('b', 1));
      const writes = [
        write('new', 1, 0),
        write('a', 1),
        write('z', 2, 0),
        write('b', 2, 0),
        write('c', null),
      ];
      expect(await store.writeDocuments(writes)).toEqual({ conflict: { kind: 'node', id: 'z' } });
      expect(byId(await store.documentsSince(0))).toEqual({ z: 1, b: 1 });
      expect(await store.documentsSince(version)).toEqual([]);
    });

    it('are deleted by null, over the version expected; a deleted one counts as none', async () => {
      await using fixture = await create();
      const { store } = fixture;
      const first = await put(store, write('a', 1), write('b', 1));
      expect(await store.writeDocuments([write('a', null, first + 1)])).toHaveProperty('conflict');
      const gone = await put(store, write('a', null, first));
      expect(byId(await store.documentsSince(0))).toMatchObject({ b: 1 });
      expect(await store.documentsSince(first)).toEqual([
        { kind: 'node', id: 'a', version: gone, value: null },
      ]);
      expect(await store.writeDocuments([write('a', 2, gone)])).toHaveProperty('conflict');
      const back = await put(store, write('a', 2, 0));
      expect(byId(await store.documentsSince(0))).toEqual({ a: 2, b: 1 });
      // Told of also where there was nothing to delete.
      await put(store, write('never', null, 0));
      expect(byId(await store.documentsSince(back))).toEqual({ never: null });
    });

    it('are told of since a version, the oldest write first, each as it is now', async () => {
      await using fixture = await create();
      const { store } = fixture;
      const first = await put(store, write('c', 1), write('a', 1), write('b', 1));
      await put(store, write('b', 2));
      const third = await put(store, write('a', 2));
      const fourth = await put(store, write('b', null));
      expect((await store.documentsSince(first)).map(({ id, version }) => [id, version])).toEqual([
        ['a', third],
        ['b', fourth],
      ]);
      expect(await store.documentsSince(fourth)).toEqual([]);
    });

    it('that were deleted are told of for an hour, and forgotten when another is deleted', async () => {
      await using fixture = await create();
      const { store } = fixture;
      const first = await put(store, write('a', 1), write('b', 1), write('c', 1), write('kept', 1));
      await put(store, write('a', null));
      fixture.clock.shift(59 * 60_000);
      await put(store, write('b', null));
      expect(byId(await store.documentsSince(first))).toEqual({ a: null, b: null });
      fixture.clock.shift(2 * 60_000);
      await put(store, write('c', null), write('kept', 2));
      expect(byId(await store.documentsSince(first))).toEqual({ b: null, c: null, kept: 2 });
      expect(byId(await store.documentsSince(0))).toMatchObject({ kept: 2 });
    });

    it('cannot be written twice in one call, which is the fault of the caller', async () => {
      await using fixture = await create();
      const twice = [write('a', 1), write('b', 1), write('a', 2)];
      await expect(fixture.store.writeDocuments(twice)).rejects.toThrow(RangeError);
      expect(await fixture.store.documentsSince(0)).toEqual([]);
    });

    it('take nothing for a write that changes nothing', async () => {
      await using fixture = await create();
      const version = await put(fixture.store, write('a', 1));
      expect(await fixture.store.writeDocuments([])).toEqual({ version });
    });

    it('take ten thousand in one write, within the time limit of a statement', async () => {
      await using fixture = await create();
      const { store } = fixture;
      const many = (value: Json | null, expected: DocumentWrite['expected']) =>
        Array.from({ length: 10_000 }, (_, n) =>
          write(`node-${n}`, value && { value, text: 'x'.repeat(400) }, expected),
        );
      const inTime = async <T>(call: Promise<T>): Promise<T> => {
        const started = performance.now();
        const answer = await call;
        expect(performance.now() - started).toBeLessThan(5_000);
        return answer;
      };
      const first = await inTime(put(store, ...many(1, 0)));
      const second = await inTime(put(store, ...many(2, first)));
      expect(await inTime(store.documentsSince(first))).toHaveLength(10_000);
      await inTime(put(store, ...many(null, second)));
      expect((await store.documentsSince(second)).every((each) => each.value === null)).toBe(true);
    });
  });

  describe('documents under many writers', () => {
    it('have one winner over a version, and lose no write over any', async () => {
      await using fixture = await create();
      const { store } = fixture;
      const version = await put(store, write('a', 'first'));
      const rivals = await Promise.all(
        Array.from({ length: 20 }, (_, n) =>
          store.writeDocuments([write('a', n, version), write(`own ${n}`, n)]),
        ),
      );
      const winners = [...rivals.entries()].filter(([, written]) => 'version' in written);
      expect(winners).toHaveLength(1);
      const [winner] = winners[0] ?? [];
      expect(byId(await store.documentsSince(0))).toEqual({ a: winner, [`own ${winner}`]: winner });
    });

    it('count up exactly when each reads, adds one and writes over what it has read', async () => {
      await using fixture = await create();
      const { store } = fixture;
      await put(store, write('count', 0));
      const increment = async (): Promise<void> => {
        const [found] = await store.documentsSince(0);
        const next = write('count', Number(found?.value) + 1, found?.version ?? 0);
        if ('conflict' in (await store.writeDocuments([next]))) await increment();
      };
      await Promise.all(Array.from({ length: 12 }, increment));
      expect(byId(await store.documentsSince(0))).toEqual({ count: 12 });
    });

    it('reach a reader who goes on from the last version it has seen, none missing', async () => {
      await using fixture = await create();
      const { store } = fixture;
      const seen = new Map<string, Json | null>();
      let since = 0;
      let writing = true;
      const read = async () => {
        for (const { id, version, value } of await store.documentsSince(since)) {
          expect(version).toBeGreaterThanOrEqual(since);
          since = version;
          seen.set(id, value);
        }
      };
      const reader = (async () => {
        while (writing) await read();
        await read();
      })();
      await Promise.all(
        Array.from({ length: 8 }, async (_, writer) => {
          for (let n = 0; n < 25; n += 1)
            await put(store, write(`${writer}-${n}`, n), write(`last-${writer}`, n));
        }),
      );
      writing = false;
      await reader;
      expect(seen.size).toBe(8 * 25 + 8);
      expect(Object.fromEntries(seen)).toEqual(byId(await store.documentsSince(0)));
    });

    it('are what a simple model says, after any writes', async () => {
      await using fixture = await create();
      const { store } = fixture;
      const one = fc.record({
        id: fc.constantFrom('a', 'b', 'c', 'd'),
        expected: fc.constantFrom('any', 'none', 'standing', 'stale'),
        value: fc.option(fc.jsonValue(), { nil: null, freq: 4 }),
      });
      const calls = fc.array(fc.uniqueArray(one, { selector: (each) => each.id, minLength: 1 }), {
        minLength: 1,
        maxLength: 12,
      });
      await fc.assert(
        fc.asyncProperty(calls, async (several) => {
          const model = new Map<string, { version: number; value: Json }>();
          await put(store, ...['a', 'b', 'c', 'd'].map((id) => write(id, null)));
          for (const call of several) {
            const writes = call.map(({ id, expected, value }) => {
              const version = model.get(id)?.version ?? 0;
              const wanted = { any: 'any' as const, none: 0, standing: version, stale: version + 1 }[
                expected
              ];
              return write(id, JSON.parse(JSON.stringify(value)) as Json | null, wanted);
            });
            const conflict = writes.find(
              ({ id, expected }) => expected !== 'any' && expected !== (model.get(id)?.version ?? 0),
            );
            const written = await store.writeDocuments(writes);
            if (conflict) {
              expect(written).toEqual({ conflict: { kind: 'node', id: conflict.id } });
              continue;
            }
            for (const { id, value } of writes) {
              if (value === null) model.delete(id);
              else model.set(id, { version: versionOf(written), value });
            }
          }
          const found = (await store.documentsSince(0)).filter((each) => each.value !== null);
          expect(new Map(found.map(({ id, version, value }) => [id, { version, value }]))).toEqual(model);
        }),
        { numRuns: 15 },
      );
    });
  });
}
