import { problemSchema, resultSchema, taskSchema, topics } from '@tenma/protocol';
import type { Results } from '@tenma/results';
import { type Clock, sleep } from '@tenma/runtime';

export interface SelfCheck {
  /** From the request to the result seen on MQTT. */
  readonly ms: number;
  readonly verdict: string;
}

const deadlineMs = 10_000;

/**
 * One task the whole way: submitted over HTTP, over the bus to IC and a WEE, run in a worker process, and its result
 * seen on MQTT. Null when no worker for it is loaded. @throws when any part of it does not work
 */
export async function selfCheck(
  { results, clock }: { results: Results; clock: Clock },
  apiUrl: string,
): Promise<SelfCheck | null> {
  const seen = new Map<string, () => void>();
  const arrived = new Set<string>();
  await using _ = await results.subscribe(topics.result('+', 'probe-http', '+'), ({ payload }) => {
    const result = resultSchema.safeParse((payload as { data?: unknown } | null)?.data);
    if (!result.success) return;
    arrived.add(result.data.task_id);
    seen.get(result.data.task_id)?.();
  });
  const started = clock.monotonic();
  const signal = AbortSignal.timeout(deadlineMs);
  const response = await fetch(`${apiUrl}/api/v1/tasks`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', prefer: `wait=${deadlineMs / 1_000}` },
    body: JSON.stringify({ type: 'probe-http', input: { url: `${apiUrl}/healthz` } }),
    signal,
  });
  const body: unknown = await response.json();
  const refused = problemSchema.safeParse(body);
  if (refused.success && refused.data.code === 'unknown_type') return null;
  if (refused.success) throw new Error(refused.data.detail);
  const task = taskSchema.safeParse(body);
  if (!task.success || task.data.state !== 'succeeded') throw new Error('the task did not succeed');
  const { id, output } = task.data;
  if (!arrived.has(id)) {
    const onMqtt = new Promise<void>((resolve) => seen.set(id, resolve));
    const tooLate = sleep(clock, deadlineMs, signal).then(() => {
      throw new Error('the result did not arrive on MQTT');
    });
    await Promise.race([onMqtt, tooLate]);
  }
  const { verdict } = output as { verdict: string };
  return { ms: clock.monotonic() - started, verdict };
}
