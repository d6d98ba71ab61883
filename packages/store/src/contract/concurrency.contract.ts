import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Store } from '../store.ts';
import type { TaskControl, TaskRecord } from '../task-record.ts';
import { change, ids, noon, sampleTask, sampleTasks, success } from './sample-task.ts';
import type { CreateFixture } from './store-fixture.ts';

const lane = { type: 'probe-http', region: 'active', limitKey: '' };

type Step = 'claim' | 'change' | 'finish' | 'insert';

/** Counts the writes of each task that the store says it made. */
interface Book {
  readonly written: Map<string, number>;
  readonly finished: Set<string>;
}

async function step(store: Store, kind: Step, tasks: readonly TaskRecord[], book: Book): Promise<void> {
  const wrote = (id: string) => book.written.set(id, (book.written.get(id) ?? 0) + 1);
  const write = async (stored: readonly TaskControl[], make: typeof change, finish: boolean) => {
    const refused = new Set(
      await store.apply(stored.map((task) => make(task, { reason: `seen ${task.life.revision}` }))),
    );
    for (const id of ids(stored).filter((each) => !refused.has(each))) {
      wrote(id);
      if (finish) {
        expect(book.finished.has(id)).toBe(false);
        book.finished.add(id);
      }
    }
  };
  const alive = async () =>
    (await store.controls(ids(tasks))).filter((task) => task.life.state !== 'succeeded');
  switch (kind) {
    case 'claim':
      for (const task of await store.claim(lane, { now: noon, leaseUntil: noon + 1, limit: 3 }))
        wrote(task.spec.id);
      break;
    case 'change':
      await write(await alive(), change, false);
      break;
    case 'finish':
      await write((await alive()).slice(0, 2), success, true);
      break;
    case 'insert':
      for (const [n, outcome] of (await store.insert(tasks)).entries()) {
        if (outcome.inserted) expect(book.written.has(tasks[n]?.spec.id ?? '')).toBe(false);
      }
      break;
  }
}

export function concurrencyContract(create: CreateFixture): void {
  describe('many callers at once', () => {
    it('write every revision exactly once, in any interleaving', async () => {
      await using fixture = await create();
      const steps = fc.array(fc.constantFrom<Step>('claim', 'change', 'finish', 'insert'), {
        minLength: 5,
        maxLength: 25,
      });
      await fc.assert(
        fc.asyncProperty(steps, async (kinds) => {
          const tasks = sampleTasks(8);
          await fixture.store.insert(tasks);
          const book: Book = { written: new Map(), finished: new Set() };
          await Promise.all(kinds.map((kind) => step(fixture.store, kind, tasks, book)));
          for (const { spec, life } of await fixture.store.controls(ids(tasks))) {
            expect(life.revision).toBe(1 + (book.written.get(spec.id) ?? 0));
            expect(life.state === 'succeeded').toBe(book.finished.has(spec.id));
          }
          // What the run left due must not reach the next one.
          const left = await fixture.store.controls(ids(tasks));
          await fixture.store.apply(left.map((task) => success(task)));
        }),
        { numRuns: 15 },
      );
    });

    it('apply overlapping changes in any order without a deadlock', async () => {
      await using fixture = await create();
      const tasks = sampleTasks(100);
      await fixture.store.insert(tasks);
      const shuffled = () =>
        tasks.map((task) => ({ task, key: Math.random() })).toSorted((a, b) => a.key - b.key);
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => fixture.store.apply(shuffled().map(({ task }) => change(task, {})))),
      );
      const won = answers
        .map((refused) => tasks.length - refused.length)
        .reduce((sum, count) => sum + count, 0);
      expect(won).toBe(tasks.length);
    });

    it('insert overlapping keys in any order without a deadlock', async () => {
      await using fixture = await create();
      const keys = Array.from({ length: 50 }, (_, n) => `key ${n}`);
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, n) => {
          const order = n % 2 ? keys : keys.toReversed();
          return fixture.store.insert(
            order.map((idempotencyKey) => sampleTask({ spec: { idempotencyKey } })),
          );
        }),
      );
      expect(answers.flat().filter((outcome) => outcome.inserted)).toHaveLength(keys.length);
    });
  });
}
