import type { Log } from '@tenma/runtime';
import type { Store } from '@tenma/store';
import type { Announcer } from './announcer.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Changed, Ledger } from './ledger.ts';
import type { Metrics } from './metrics.ts';
import type { OutboxGauge } from './outbox-gauge.ts';
import type { Tombstones } from './tombstones.ts';
import type { TaskWatch } from './watch.ts';

interface Parties {
  readonly dispatcher: Dispatcher;
  readonly tombstones: Tombstones;
  readonly announcer: Announcer;
  readonly watch: TaskWatch;
  readonly metrics: Metrics;
  readonly outbox: OutboxGauge;
}

/** Who is told when tasks have changed: everybody here, and the other replicas through the store. */
export function connectChanges(
  { store, ledger, log }: { store: Store; ledger: Ledger; log: Log },
  parties: Parties,
): Disposable {
  const { dispatcher, tombstones, announcer, watch, metrics, outbox } = parties;
  const own = ledger.onChange((changes) => {
    dispatcher.onChange(changes);
    tombstones.onChange(changes);
    announcer.onChange(changes);
    watch.changed(changes);
    metrics.onChange(changes);
    outbox.ended(changes.filter(hasEnded).length);
    // A task that merely stands in a queue now is still out for the replica that has sent it.
    const ids = changes
      .filter(({ after }) => after.life.state !== 'queued')
      .map(({ after }) => after.spec.id);
    store.notify('tasks', ids).catch((error: unknown) => log.debug({ err: error }, 'replicas not told'));
  });
  const others = store.onNotify((channel, ids) => {
    if (channel !== 'tasks') return;
    ledger.forget(ids);
    watch.changedElsewhere(ids);
    dispatcher.changedElsewhere(ids);
  });
  return {
    [Symbol.dispose]() {
      own[Symbol.dispose]();
      others[Symbol.dispose]();
    },
  };
}

function hasEnded({ before, after }: Changed): boolean {
  return after.life.finishedAt !== null && before.life.finishedAt === null;
}
