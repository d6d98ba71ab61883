/**
 * A process that owns a store until it is killed; its tests start it. Writes one line for every acknowledged write:
 * the id of an inserted task, or `done <id>` for one that was ended.
 */
import { silentLog, systemClock } from '@tenma/runtime';
import { sampleTasks, success } from '../contract/sample-task.ts';
import { createSqliteStore } from './index.ts';

const store = await createSqliteStore(
  { log: silentLog(), clock: systemClock() },
  { path: process.argv[2] ?? '' },
);
process.stdout.write('open\n');

async function writeForEver(): Promise<void> {
  for (;;) {
    const tasks = sampleTasks(5, { input: 'x'.repeat(1_024) });
    await store.insert(tasks);
    for (const task of tasks) process.stdout.write(`${task.spec.id}\n`);
    const [first] = tasks;
    if (!first) continue;
    await store.apply([success(first)]);
    process.stdout.write(`done ${first.spec.id}\n`);
  }
}

await Promise.all(Array.from({ length: 8 }, writeForEver));
