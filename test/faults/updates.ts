import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import type { Release, Task } from '@tenma/protocol';
import { until } from '@tenma/test-support';
import { allTasks } from './stack.ts';

/** A load of two task types, of which one is updated while it runs; see docs/releases.md for what an update is. */
export interface LoadOptions {
  readonly api: string;
  /** Watched by the WEEs. */
  readonly directory: string;
  readonly tasks: number;
  readonly perSecond: number;
  /** Versions of the one type, one after the other, as soon as the one before has been decided on. */
  readonly updates: readonly Update[];
  readonly say?: (line: string) => void;
}

export interface Update {
  readonly version: string;
  /** What the version does with an even number; with odd ones all do the same. */
  readonly does: 'right' | 'throws';
}

export interface LoadOutcome {
  /** By number: how each task ended. */
  readonly tasks: readonly Task[];
  readonly releases: readonly Release[];
  /** Milliseconds from submission to the end by LE's record, of the type that was left alone. */
  readonly steadyMs: readonly number[];
  /** Tasks, from the first submission to the last end. */
  readonly perSecond: number;
}

/** What an attempt of either takes: with 20 slots in a WEE that is 666 attempts a second of each type. */
const attemptMs = 30;
const batchEveryMs = 50;
/** A batch that makes up for a pause of the machine stays one that LE takes. */
const mostInBatch = 500;

/** Puts a version of a type where WEEs look for it: written elsewhere, then moved into its place. */
export async function publishVersion(
  directory: string,
  type: string,
  { version, does }: Update,
): Promise<void> {
  const folder = join(directory, type, version);
  const draft = join(directory, `.${type}-${version}`);
  await mkdir(draft, { recursive: true });
  await mkdir(join(directory, type), { recursive: true });
  const manifest = { name: type, version, type: 'module', exports: './index.ts' };
  await writeFile(join(draft, 'package.json'), JSON.stringify(manifest));
  await writeFile(join(draft, 'index.ts'), sourceOf(type, version, does));
  await rename(draft, folder);
}

function sourceOf(type: string, version: string, does: Update['does']): string {
  const fault = does === 'throws' ? `if (input.n % 2 === 0) throw new Error('a bad version');` : '';
  return `import { setTimeout as pause } from 'node:timers/promises';
import { defineWorker } from '@tenma/worker';
import { z } from 'zod';
export default defineWorker({
  type: '${type}',
  version: '${version}',
  description: 'Doubles a number.',
  input: z.object({ n: z.int() }),
  output: z.object({ doubled: z.int() }),
  retry: { initial_ms: 50 },
  async run({ input }) {
    await pause(${attemptMs});
    ${fault}
    return { doubled: 2 * input.n };
  },
});
`;
}

/** Resolves when every task has ended and every update has been decided on. */
export async function runLoad(options: LoadOptions): Promise<LoadOutcome> {
  const { api, tasks, perSecond } = options;
  const [ids, releases] = await Promise.all([submitPaced(api, tasks, perSecond), update(options)]);
  await until(async () => (await unfinished(api)) === 0, { timeoutMs: 60_000, what: 'the end of all tasks' });
  const byId = await allTasks(api);
  const records = ids.map((id) => byId.get(id) as Task);
  const begun = records.map(({ created_at }) => Date.parse(created_at));
  const ended = records.map(({ finished_at }) => Date.parse(finished_at ?? ''));
  const steadyMs = records.flatMap(({ type }, n) =>
    type === 'steady' ? [(ended[n] ?? Number.NaN) - (begun[n] ?? Number.NaN)] : [],
  );
  const seconds = (ended.toSorted((a, b) => b - a)[0] ?? 0) / 1_000 - (begun[0] ?? 0) / 1_000;
  return { tasks: records, releases, steadyMs, perSecond: tasks / seconds };
}

async function unfinished(api: string): Promise<number> {
  const metrics = await (await fetch(`${api}/metrics`)).text();
  return Number(/^tenma_tasks_unfinished (\d+)$/m.exec(metrics)?.[1]);
}

/** In small batches at an even pace; task n is of the updated type when n is odd, and doubles n >> 1. */
async function submitPaced(api: string, count: number, perSecond: number): Promise<string[]> {
  const ids: string[] = [];
  const started = performance.now();
  while (ids.length < count) {
    const due = Math.min(count, Math.ceil(((performance.now() - started) / 1_000) * perSecond));
    if (due > ids.length) {
      const length = Math.min(mostInBatch, due - ids.length);
      const numbers = Array.from({ length }, (_, index) => ids.length + index);
      ids.push(...(await submit(api, numbers)));
    }
    await pause(batchEveryMs);
  }
  return ids;
}

async function submit(api: string, numbers: readonly number[]): Promise<string[]> {
  const tasks = numbers.map((n) => ({ type: n % 2 === 0 ? 'steady' : 'updated', input: { n: n >> 1 } }));
  const response = await fetch(`${api}/api/v1/tasks/batch`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ tasks }),
  });
  if (!response.ok) throw new Error(`a batch was refused: ${response.status} ${await response.text()}`);
  const answer = (await response.json()) as { tasks: { id?: string }[] };
  return answer.tasks.map(({ id }) => {
    if (id === undefined) throw new Error(`a task was refused: ${JSON.stringify(answer).slice(0, 500)}`);
    return id;
  });
}

async function update({ api, directory, updates, say }: LoadOptions): Promise<Release[]> {
  const releases: Release[] = [];
  for (const each of updates) {
    const started = performance.now();
    await publishVersion(directory, 'updated', each);
    const release = await decisionOn(api, each.version);
    const seconds = ((performance.now() - started) / 1_000).toFixed(1);
    const rejection = release.rejected.find(({ version }) => version === each.version);
    const what = rejection
      ? `rolled back after ${seconds} s: ${rejection.reason}`
      : `promoted after ${seconds} s`;
    say?.(`${each.version} ${what}`);
    releases.push(release);
  }
  return releases;
}

async function decisionOn(api: string, version: string): Promise<Release> {
  let decided: Release | undefined;
  await until(
    async () => {
      const response = await fetch(`${api}/api/v1/releases/updated`).catch(() => null);
      const release = response?.ok ? ((await response.json()) as Release) : undefined;
      if (release?.stable === version || release?.rejected.some((each) => each.version === version))
        decided = release;
      return decided !== undefined;
    },
    { timeoutMs: 90_000, everyMs: 100, what: `a decision on ${version}` },
  );
  return decided as Release;
}
