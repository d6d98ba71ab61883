import { type Json, presenceSchema, problemSchema, resultSchema, taskSchema, topics } from '@tenma/protocol';
import type { Results } from '@tenma/results';
import { type Clock, sleep } from '@tenma/runtime';
import { z } from 'zod';

export interface SelfCheck {
  /** The task type that was run, and what it looked at. */
  readonly probe: string;
  /** From the request to the result seen on MQTT. */
  readonly ms: number;
  readonly verdict: string;
}

/** Built-in workers that can look at the API, the one that sees most of it first. */
const probes: Readonly<Record<string, (api: URL) => { input: Json; target: string }>> = {
  'probe-http': ({ origin }) => ({ input: { url: `${origin}/healthz` }, target: `${origin}/healthz` }),
  'probe-tcp': ({ hostname, port, host }) => ({
    input: { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port) || 80 },
    target: host,
  }),
};
export const probeTypes = Object.keys(probes);

const deadlineMs = 10_000;
/** LE answers before the deadline, and says what became of the task until then. */
const waitS = 8;
const lookMs = 20;

/**
 * One task the whole way: submitted over HTTP, over the bus to IC and a WEE, run in a worker process, and its result
 * seen on MQTT. Null when no WEE runs a built-in probe that could look at the API; the store may remember one from
 * another start. `weeId`: the WEE whose presence is waited for first. @throws when any part of it does not work
 */
export async function selfCheck(
  { results, clock }: { results: Results; clock: Clock },
  { url, weeId }: { url: string; weeId: string },
): Promise<SelfCheck | null> {
  const signal = AbortSignal.timeout(deadlineMs);
  const running = await typesOnceSeen(clock, { url, weeId }, signal);
  const [type, aim] = Object.entries(probes).find(([each]) => running.has(each)) ?? [];
  if (type === undefined || aim === undefined) return null;
  await using arrivals = await watchResults(results, type);
  const started = clock.monotonic();
  const { input, target } = aim(new URL(url));
  const { id, output } = await runToEnd(url, { type, input }, signal);
  await Promise.race([arrivals.of(id), tooLate(clock, signal)]);
  const { verdict } = z.object({ verdict: z.string() }).parse(output);
  return { probe: `${type} ${target}`, ms: clock.monotonic() - started, verdict };
}

const fleetSchema = z.object({ items: z.array(presenceSchema) });

/** Types that some WEE runs now; asked again until that WEE is seen among them. */
async function typesOnceSeen(
  clock: Clock,
  { url, weeId }: { url: string; weeId: string },
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  for (;;) {
    const response = await fetch(`${url}/api/v1/workers`, { signal });
    const online = fleetSchema.parse(await response.json()).items.filter(({ status }) => status === 'online');
    if (online.some(({ wee_id }) => wee_id === weeId))
      return new Set(online.flatMap(({ pools }) => pools.map(({ type }) => type)));
    await sleep(clock, lookMs, signal);
  }
}

/** The record of a task that has ended in time; of another one the short form. */
const answerSchema = taskSchema
  .pick({ id: true, state: true, reason: true, error: true, output: true })
  .partial({ reason: true, error: true, output: true });

/** In any region: the active one may have moved away from here. */
async function runToEnd(url: string, task: { type: string; input: Json }, signal: AbortSignal) {
  const response = await fetch(`${url}/api/v1/tasks`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', prefer: `wait=${waitS}` },
    body: JSON.stringify({ ...task, region: 'any' }),
    signal,
  });
  const body: unknown = await response.json();
  const refused = problemSchema.safeParse(body);
  if (refused.success) throw new Error(refused.data.detail);
  const { id, state, reason, error, output } = answerSchema.parse(body);
  if (state === 'succeeded') return { id, output };
  const why = error?.message ?? reason;
  throw new Error(`the ${task.type} task ${id} is ${state}${why ? `, ${why}` : ''}`);
}

async function tooLate(clock: Clock, signal: AbortSignal): Promise<never> {
  await sleep(clock, deadlineMs, signal).catch(() => undefined);
  throw new Error('the result did not arrive on MQTT');
}

/** Results as MQTT brings them: the one that is waited for may come before anybody asks. */
async function watchResults(
  results: Results,
  type: string,
): Promise<AsyncDisposable & { of(taskId: string): Promise<void> }> {
  const seen = new Map<string, PromiseWithResolvers<void>>();
  const entry = (taskId: string) => {
    const found = seen.get(taskId) ?? Promise.withResolvers<void>();
    seen.set(taskId, found);
    return found;
  };
  const subscription = await results.subscribe(topics.result('+', type, '+'), ({ payload }) => {
    const result = resultSchema.safeParse((payload as { data?: unknown } | null)?.data);
    if (result.success) entry(result.data.task_id).resolve();
  });
  return {
    of: (taskId) => entry(taskId).promise,
    [Symbol.asyncDispose]: () => subscription[Symbol.asyncDispose](),
  };
}
