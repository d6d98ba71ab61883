import { describe, expect, it } from 'vitest';
import { observationsKept } from '../documents.ts';
import { noon } from './sample-task.ts';
import type { CreateFixture } from './store-fixture.ts';

const seen = (target: string, n: number) => ({ target, at: noon + n, value: { n } });
const series = (target: string, count: number, first = 0) =>
  Array.from({ length: count }, (_, n) => seen(target, first + n));

export function observationsContract(create: CreateFixture): void {
  describe('observations', () => {
    it('come back the newest first, up to a limit, to the last character', async () => {
      await using fixture = await create();
      const { store } = fixture;
      const values = [null, '', 'NULL', { 'ünï "q"\n': ['\u0000\ud800 \u001e{},', null, -1.5e-7] }];
      const rows = values.map((value, n) => ({ target: 'a {"b"},\\', at: noon + n, value }));
      await store.recordObservations(rows);
      expect(await store.observations('a {"b"},\\', 10)).toEqual(rows.toReversed());
      expect(await store.observations('a {"b"},\\', 2)).toEqual(rows.toReversed().slice(0, 2));
      expect(await store.observations('other', 10)).toEqual([]);
    });

    it('are ordered by their time, and at one moment by when they were recorded', async () => {
      await using fixture = await create();
      const { store } = fixture;
      const at = (offset: number, value: string) => ({ target: 'a', at: noon + offset, value });
      await store.recordObservations([at(5, 'late'), at(1, 'early')]);
      await store.recordObservations([at(5, 'late too'), at(3, 'between')]);
      const found = await store.observations('a', 10);
      expect(found.map((each) => each.value)).toEqual(['late too', 'late', 'between', 'early']);
    });

    it('of one target in one call are all kept, among those of others', async () => {
      await using fixture = await create();
      const { store } = fixture;
      await store.recordObservations([seen('a', 0), seen('b', 0), seen('a', 1), seen('a', 2), seen('b', 1)]);
      expect(await store.observations('a', 10)).toEqual(series('a', 3).toReversed());
      expect(await store.observations('b', 10)).toEqual(series('b', 2).toReversed());
    });

    it(`stay for the last ${observationsKept} of a target, however they were recorded`, async () => {
      await using fixture = await create();
      const { store } = fixture;
      const kept = (count: number) => series('a', count).slice(-observationsKept).toReversed();
      let count = 0;
      for (const size of [1, 2, 97, 1, 60, 100, 1, 99, 250, 3]) {
        const rows = [...series('a', size, count), seen('b', count)];
        await store.recordObservations(rows);
        count += size;
        expect(await store.observations('a', 1_000)).toEqual(kept(count));
      }
      expect(await store.observations('b', 1_000)).toHaveLength(10);
    });

    it('recorded by calls that overlap are all kept', async () => {
      await using fixture = await create();
      const { store } = fixture;
      const rows = series('a', 50);
      await Promise.all(rows.map((row, n) => store.recordObservations([row, seen('b', n)])));
      expect(await store.observations('a', 100)).toEqual(rows.toReversed());
      expect(await store.observations('b', 100)).toHaveLength(50);
    });

    it('of a target are forgotten with it, and begin anew', async () => {
      await using fixture = await create();
      const { store } = fixture;
      await store.recordObservations([...series('a', 150), ...series('b', 3), ...series('c', 1)]);
      await store.forgetObservations(['a', 'c', 'unknown']);
      await store.forgetObservations([]);
      expect(await store.observations('a', 100)).toEqual([]);
      expect(await store.observations('b', 100)).toHaveLength(3);
      await store.recordObservations([seen('a', 1)]);
      await store.recordObservations([]);
      expect(await store.observations('a', 100)).toEqual([seen('a', 1)]);
    });

    it('of a thousand targets at a time take a fraction of the time in which they come', async () => {
      await using fixture = await create();
      const { store } = fixture;
      const targets = Array.from({ length: 1_000 }, (_, n) => `node-${n}`);
      const started = performance.now();
      for (let round = 0; round < 5; round += 1) {
        await store.recordObservations(targets.flatMap((target) => series(target, 2, 2 * round)));
      }
      // 10,000 rows: more than 14 s of 700 a second.
      expect(performance.now() - started).toBeLessThan(4_000);
      expect(await store.observations('node-999', 100)).toEqual(series('node-999', 10).toReversed());
    });
  });
}
