import type { Task } from '@tenma/protocol';
import { resultSchema, topics } from '@tenma/protocol';
import { createMqttResults } from '@tenma/results/mqtt';
import { silentLog, systemClock } from '@tenma/runtime';
import { createFabric, type Fabric, until } from '@tenma/test-support';
import { onTestFailed } from 'vitest';
import { findMosquitto, type Mosquitto, startMosquitto } from '@tenma/test-support/mosquitto';
import { canStartPostgres, type OwnPostgres, startPostgres } from '@tenma/test-support/postgres';
import { canStartRabbitmq, type RabbitmqServer, startRabbitmq } from '@tenma/test-support/rabbitmq';

/** Servers of our own that a test may stop and kill, the fabric on them, and a subscriber that counts results. */
export interface Stack extends AsyncDisposable {
  readonly fabric: Fabric;
  readonly rabbitmq: RabbitmqServer;
  readonly mosquitto: Mosquitto;
  readonly postgres: OwnPostgres;
  /** Ids of tasks whose result was seen on MQTT. */
  readonly announced: ReadonlySet<string>;
}

export const canStartStack = canStartRabbitmq() && canStartPostgres() && findMosquitto() !== undefined;
if (!canStartStack) {
  const line = 'no servers to break: install rabbitmq-server, mosquitto and postgresql';
  if (process.env['CI']) throw new Error(line);
  process.stderr.write(`skipped: ${line}\n`);
}

export async function startStack(env: Record<string, string> = {}): Promise<Stack> {
  await using parts = new AsyncDisposableStack();
  const [rabbitmq, mosquitto, postgres] = await Promise.all([
    startRabbitmq(),
    startMosquitto(),
    startPostgres(),
  ]);
  parts.use(rabbitmq);
  parts.use(mosquitto);
  parts.use(postgres);
  const fabric = parts.use(
    await createFabric({ amqpUrl: rabbitmq.url, mqttUrl: mosquitto.url, storeUrl: postgres.url, env }),
  );
  const components = { clock: systemClock(), log: silentLog(), random: Math.random };
  const results = parts.use(createMqttResults(components, { url: mosquitto.url, clientId: 'counter' }));
  const announced = new Set<string>();
  await results.subscribe(topics.result('+', '+', '+'), ({ payload }) => {
    const result = resultSchema.safeParse((payload as { data?: unknown } | null)?.data);
    if (result.success) announced.add(result.data.task_id);
  });
  await until(() => results.status === 'connected', { what: 'the subscriber being connected' });
  const opened = parts.move();
  return {
    fabric,
    rabbitmq,
    mosquitto,
    postgres,
    announced,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** Prints why a try failed of a test that may be tried again: its retry would hide that. To be called in the test. */
export function tellFailedTries(): void {
  onTestFailed(({ task }) => {
    for (const { message, stack } of task.result?.errors ?? [])
      process.stderr.write(`a try failed: ${stack ?? message}\n`);
  });
}

/** Submits tasks in batches, and resolves with their ids, in order. All must be accepted. */
export async function submitTasks(api: string, all: readonly object[]): Promise<string[]> {
  const ids: string[] = [];
  for (let start = 0; start < all.length; start += 250) {
    const response = await fetch(`${api}/api/v1/tasks/batch`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ tasks: all.slice(start, start + 250) }),
    });
    if (!response.ok) throw new Error(`a batch was refused: ${response.status} ${await response.text()}`);
    const body = (await response.json()) as { tasks: { id?: string }[] };
    for (const answer of body.tasks) {
      if (!answer.id) throw new Error(`a task was refused: ${JSON.stringify(answer)}`);
      ids.push(answer.id);
    }
  }
  return ids;
}

/** Echoes of the numbers in [from, to), to any region. */
export function submitEchoes(api: string, from: number, to: number): Promise<string[]> {
  const numbers = Array.from({ length: to - from }, (_, index) => from + index);
  return submitTasks(
    api,
    numbers.map((n) => ({ type: 'echo', input: { n }, region: 'any' })),
  );
}

/** Every task of the store, by id. */
export async function allTasks(api: string): Promise<Map<string, Task>> {
  const tasks = new Map<string, Task>();
  for (let token: string | null = ''; token !== null; ) {
    const query: string = token === '' ? '' : `&page_token=${encodeURIComponent(token)}`;
    const response = await fetch(`${api}/api/v1/tasks?page_size=1000${query}`);
    const page = (await response.json()) as { items: Task[]; next_page_token: string | null };
    for (const task of page.items) tasks.set(task.id, task);
    token = page.next_page_token;
  }
  return tasks;
}

/** How many tasks stand in each state. */
export async function countStates(api: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { state } of (await allTasks(api)).values()) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

/** Resolves when as many tasks have succeeded; fails with the counts of all states. */
export async function allSucceeded(api: string, count: number, timeoutMs: number): Promise<void> {
  let counts: Record<string, number> = {};
  try {
    await until(
      async () => {
        counts = await countStates(api);
        return counts['succeeded'] === count;
      },
      { timeoutMs, everyMs: 500 },
    );
  } catch {
    throw new Error(`of ${count} tasks, after ${timeoutMs} ms: ${JSON.stringify(counts)}`);
  }
}
