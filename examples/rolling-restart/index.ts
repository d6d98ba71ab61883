import { defineWorker, WorkerError } from '@tenma/worker';
import { z } from 'zod';

const lookEveryMs = 1_000;

/**
 * A long job that tells how far it is and can be cancelled between two steps: restarts targets one after the other, and
 * goes on to the next only when the last one is well again. Cancelled, it leaves every target either old or new.
 */
// oxlint-disable-next-line import/no-default-export -- a worker package
export default defineWorker({
  type: 'rolling-restart',
  version: '1.0.0',
  description: 'Restarts targets one after the other, each when the one before is well again.',
  input: z.strictObject({
    targets: z
      .array(z.url({ protocol: /^https?$/ }))
      .min(1)
      .max(100),
    well_within_ms: z.int().min(1_000).max(600_000).default(60_000),
  }),
  output: z.object({ restarted: z.int() }),
  progress: z.object({ done: z.int(), of: z.int(), now: z.string().nullable() }),
  timeout_ms: 3_600_000,
  // What has been restarted would be restarted again.
  retry: { max_attempts: 1 },
  example: { targets: ['http://127.0.0.1:9001', 'http://127.0.0.1:9002'] },
  async run({ input, signal, task, progress, clock }) {
    const of = input.targets.length;
    for (const [done, target] of input.targets.entries()) {
      signal.throwIfAborted();
      progress({ done, of, now: target });
      await restart(target, `${task.idempotency_key}/${done}`, signal);
      const until = clock.now() + input.well_within_ms;
      while (!(await isWell(target, signal))) {
        if (clock.now() >= until) throw notWell(target, done);
        await clock.sleep(lookEveryMs);
      }
    }
    progress({ done: of, of, now: null });
    return { restarted: of };
  },
});

async function restart(target: string, key: string, signal: AbortSignal): Promise<void> {
  const headers = { 'idempotency-key': key };
  const response = await fetch(new URL('/restart', target), { method: 'POST', headers, signal });
  if (!response.ok)
    throw new WorkerError(`${target} answered ${response.status}`, { code: 'restart_refused' });
}

async function isWell(target: string, signal: AbortSignal): Promise<boolean> {
  try {
    return (await fetch(new URL('/healthz', target), { signal })).ok;
  } catch (error) {
    if (signal.aborted) throw error;
    return false;
  }
}

function notWell(target: string, done: number): WorkerError {
  return new WorkerError(`${target} is not well again; the targets after it were left alone`, {
    code: 'not_well_again',
    details: { restarted: done },
  });
}
