import { taskStates } from '@tenma/protocol';
import { describe, expect, it } from 'vitest';
import type { Store, TaskFilter } from '../store.ts';
import type { TaskRecord } from '../task-record.ts';
import { idAt, ids, noon, sampleTask, sampleTasks } from './sample-task.ts';
import type { CreateFixture } from './store-fixture.ts';

async function everything(store: Store, filter: TaskFilter, size = 7): Promise<TaskRecord[]> {
  const found: TaskRecord[] = [];
  let after: string | null = null;
  do {
    const page = await store.list(filter, { size, after });
    expect(page.items.length).toBeLessThanOrEqual(size);
    found.push(...page.items);
    after = page.next;
  } while (after !== null);
  return found;
}

/** Tasks that differ in all that a filter looks at, oldest first. */
function variety(): TaskRecord[] {
  return Array.from({ length: 120 }, (_, n) => {
    const createdAt = noon + n * 1_000;
    return sampleTask({
      spec: {
        id: idAt(createdAt),
        createdAt,
        type: n % 2 ? 'probe-http' : 'probe-tcp',
        region: n % 3 ? 'active' : 'eu-west-1',
        labels: n % 4 ? { team: n % 5 ? 'sre' : 'net', n: `${n}` } : {},
      },
      life: { state: taskStates[n % taskStates.length] ?? 'accepted' },
    });
  });
}

function matches(filter: TaskFilter, { spec, life }: TaskRecord): boolean {
  return (
    (!filter.states || filter.states.includes(life.state)) &&
    (filter.type === undefined || filter.type === spec.type) &&
    (filter.region === undefined || filter.region === spec.region) &&
    Object.entries(filter.labels ?? {}).every(([key, value]) => spec.labels[key] === value) &&
    (filter.createdAfter === undefined || spec.createdAt >= filter.createdAfter) &&
    (filter.createdBefore === undefined || spec.createdAt < filter.createdBefore)
  );
}

export function listingContract(create: CreateFixture): void {
  describe('list', () => {
    it('shows whole tasks, the newest first', async () => {
      await using fixture = await create();
      const tasks = sampleTasks(3, { input: [1], output: { ok: 1 } });
      await fixture.store.insert(tasks);
      expect(await fixture.store.list({}, { size: 10, after: null })).toEqual({
        items: tasks.toReversed(),
        next: null,
      });
    });

    it('has no page after the last, even when that is full', async () => {
      await using fixture = await create();
      const tasks = sampleTasks(4);
      await fixture.store.insert(tasks);
      const first = await fixture.store.list({}, { size: 2, after: null });
      const second = await fixture.store.list({}, { size: 2, after: first.next });
      expect(ids([...first.items, ...second.items])).toEqual(ids(tasks.toReversed()));
      expect(first.next).not.toBeNull();
      expect(second.next).toBeNull();
    });

    it('goes on where it was, whatever is inserted meanwhile', async () => {
      await using fixture = await create();
      const tasks = sampleTasks(6);
      await fixture.store.insert(tasks);
      const first = await fixture.store.list({}, { size: 3, after: null });
      await fixture.store.insert(sampleTasks(5));
      const second = await fixture.store.list({}, { size: 3, after: first.next });
      expect(ids([...first.items, ...second.items])).toEqual(ids(tasks.toReversed()));
    });

    it('answers every combination of filters with what matches, page by page', async () => {
      await using fixture = await create();
      const tasks = variety();
      await fixture.store.insert(tasks);
      const choices = {
        states: [undefined, ['succeeded'], ['failed', 'accepted', 'succeeded'], ['queued'], taskStates, []],
        type: [undefined, 'probe-http', 'unknown'],
        region: [undefined, 'eu-west-1'],
        labels: [undefined, { team: 'sre' }, { team: 'net', n: '35' }],
        createdAfter: [undefined, noon + 20_000],
        createdBefore: [undefined, noon + 90_000],
      } as const;
      const filters = Object.entries(choices).reduce<TaskFilter[]>(
        (all, [key, values]) =>
          all.flatMap((filter) =>
            values.map((value) => (value === undefined ? filter : { ...filter, [key]: value })),
          ),
        [{}],
      );
      const wrong: TaskFilter[] = [];
      await Promise.all(
        filters.map(async (filter, n) => {
          const found = ids(await everything(fixture.store, filter, n % 3 ? 200 : 17));
          const expected = ids(tasks.filter((task) => matches(filter, task)).toReversed());
          if (found.join() !== expected.join()) wrong.push(filter);
        }),
      );
      expect(wrong).toEqual([]);
    });

    it('takes time as half-open, to the millisecond', async () => {
      await using fixture = await create();
      const tasks = [noon - 1, noon, noon + 1].map((createdAt) =>
        sampleTask({ spec: { id: idAt(createdAt), createdAt } }),
      );
      await fixture.store.insert(tasks);
      const found = await fixture.store.list(
        { createdAfter: noon, createdBefore: noon + 1 },
        { size: 9, after: null },
      );
      expect(ids(found.items)).toEqual([tasks[1]?.spec.id]);
    });

    it('does not mistake a part of a label for the label', async () => {
      await using fixture = await create();
      const labels = [
        { a: 'b' },
        { a: 'bc' },
        { xa: 'b' },
        { x: 'a":"b' },
        { x: '\n"a":"b"\n' },
        { 'a":"b': '' },
        { a: 'b', 'nul\u0000': '%_' },
      ];
      const tasks = labels.map((each) => sampleTask({ spec: { labels: each } }));
      await fixture.store.insert(tasks);
      const found = await fixture.store.list({ labels: { a: 'b' } }, { size: 9, after: null });
      expect(ids(found.items)).toEqual(ids([6, 0].map((n) => tasks[n] ?? sampleTask())));
      const odd = await fixture.store.list({ labels: { 'nul\u0000': '%_' } }, { size: 9, after: null });
      expect(odd.items).toHaveLength(1);
    });
  });
}
