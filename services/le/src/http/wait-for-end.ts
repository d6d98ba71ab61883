import { isTerminal } from '@tenma/protocol';
import { type Clock, sleep } from '@tenma/runtime';
import type { Store, TaskRecord } from '@tenma/store';
import type { TaskWatch } from '../watch.ts';

/**
 * The task once it has ended, or as it is after `waitMs`; null when there is none. Listens before it reads, so that an
 * end in between is not missed.
 */
export async function waitForEnd(
  { store, watch, clock }: { store: Store; watch: TaskWatch; clock: Clock },
  taskId: string,
  waitMs: number,
): Promise<TaskRecord | null> {
  const stop = new AbortController();
  const ended = new Promise<void>((resolve) => {
    const listening = watch.on(taskId, (control) => {
      // Without a control another replica changed it: whether it ended is in the store.
      if (!control)
        void store.get(taskId).then((record) => record && isTerminal(record.life.state) && resolve());
      else if (isTerminal(control.life.state)) resolve();
    });
    stop.signal.addEventListener('abort', () => listening[Symbol.dispose](), { once: true });
  });
  try {
    const record = await store.get(taskId);
    if (!record || isTerminal(record.life.state) || waitMs <= 0) return record;
    await Promise.race([ended, sleep(clock, waitMs, stop.signal).catch(() => undefined)]);
    return await store.get(taskId);
  } finally {
    stop.abort();
  }
}
