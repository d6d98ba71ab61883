import { defaults } from '@tenma/protocol';
import { type Clock, every } from '@tenma/runtime';
import type { SentTask, Store } from '@tenma/store';
import type { Changed } from '../ledger.ts';
import type { TaskTypes } from '../task-types.ts';
import { isOut } from './is-out.ts';
import type { Limiter } from './limiter.ts';

/** Keeps the limiter's count of what is out true: begins it from the store, follows every change, and counts again. */
export interface OutCount extends Disposable {
  /** It has to be counted before anything is sent. */
  readonly due: boolean;
  /** Counts what the store says is out; without effect when the lease has gone meanwhile. */
  count(): Promise<void>;
  /** The types with a limit may be others now. */
  onTypes(): void;
  onChange(changes: readonly Changed[]): void;
  changedElsewhere(taskIds: readonly string[]): void;
  /** The lease has come or gone: nothing is counted yet. */
  restart(): void;
}

interface Components {
  readonly store: Pick<Store, 'sentTasks' | 'controls'>;
  readonly types: Pick<TaskTypes, 'all'>;
  readonly limiter: Limiter;
  readonly clock: Clock;
  /** Whether the lease is held and anything can be sent. */
  readonly mayAct: () => boolean;
  readonly onDue: () => void;
  /** It is out no more. */
  readonly onBack: (task: SentTask) => void;
}

/** A word of an end that has not reached us is made good by this. */
const recountMs = 2_000;

export function createOutCount(components: Components): OutCount {
  const { store, types, limiter, clock, mayAct, onDue, onBack } = components;
  /** The types whose tasks are counted, as one text; null: nothing was counted yet under this lease. */
  let countedTypes: string | null = null;
  let recountDue = false;
  /** What has come back since the count began. */
  let back: Set<string> | undefined;

  /** Those without a limit on how many run at once need not be counted. */
  const typesToCount = () =>
    types
      .all()
      .filter(({ limit }) => limit?.concurrent !== undefined)
      .map(({ type }) => type);

  function recountSoon(): void {
    recountDue = true;
    onDue();
  }

  function release(taskId: string): void {
    back?.add(taskId);
    const task = limiter.release(taskId);
    if (task) onBack(task);
  }

  const timer = every(clock, recountMs, () => {
    if (limiter.out > 0) recountSoon();
  });

  return {
    get due() {
      return recountDue || countedTypes === null;
    },
    async count() {
      const counted = typesToCount();
      const meanwhile = (back = new Set<string>());
      try {
        const now = clock.now();
        const leasedUntil = now + 2 * defaults.dispatchLeaseMs;
        const sent = await store.sentTasks({ now, leasedUntil, types: counted });
        if (!mayAct()) return;
        limiter.recount(sent.filter(({ id }) => !meanwhile.has(id)));
        countedTypes = counted.join('\n');
        recountDue = false;
      } finally {
        back = undefined;
      }
    },
    onTypes() {
      if (countedTypes !== null && countedTypes !== typesToCount().join('\n')) recountSoon();
    },
    onChange(changes) {
      const now = clock.now();
      for (const { after } of changes) if (!isOut(after, now)) release(after.spec.id);
    },
    changedElsewhere(taskIds) {
      const own = taskIds.filter((id) => limiter.has(id));
      if (own.length === 0) return;
      // If the store does not answer, the next count tells.
      store
        .controls(own)
        .then((controls) => {
          const now = clock.now();
          for (const control of controls) if (!isOut(control, now)) release(control.spec.id);
        })
        .catch(() => undefined);
    },
    restart() {
      countedTypes = null;
    },
    [Symbol.dispose]: () => timer[Symbol.dispose](),
  };
}
