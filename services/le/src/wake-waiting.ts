import type { Presence } from '@tenma/protocol';
import type { Clock, Log } from '@tenma/runtime';
import type { Store } from '@tenma/store';
import type { Ledger } from './ledger.ts';
import { next } from './lifecycle/index.ts';

const pageSize = 500;
/** More than this come due by themselves. */
const pagesMax = 20;

/** A WEE has appeared: tasks of its types that wait for a worker are due now, not when their patience is over. */
export async function wakeWaiting(
  { store, ledger, clock, log }: { store: Store; ledger: Ledger; clock: Clock; log: Log },
  { types }: Presence,
): Promise<void> {
  try {
    for (const { type } of types) {
      let after: string | null = null;
      for (let pages = 0; pages < pagesMax; pages += 1) {
        const page = await store.list({ states: ['waiting'], type }, { size: pageSize, after });
        const ids = page.items.map(({ spec }) => spec.id);
        const now = clock.now();
        await ledger.change(ids, ({ life }) =>
          life.state === 'waiting' && (life.dueAt ?? 0) > now ? { life: next(life, { dueAt: now }) } : null,
        );
        after = page.next;
        if (after === null) break;
      }
    }
  } catch (error) {
    log.debug({ err: error }, 'waiting tasks not woken; they come due by themselves');
  }
}
