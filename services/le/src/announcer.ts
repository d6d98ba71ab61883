import { resultEvent, topics } from '@tenma/protocol';
import type { Results } from '@tenma/results';
import { type Clock, every, type Log } from '@tenma/runtime';
import type { Store, TaskRecord } from '@tenma/store';
import type { Changed, Ledger } from './ledger.ts';
import { next } from './lifecycle/index.ts';
import { createWakeable } from './wakeable.ts';
import { endOf, resultView, topicRegion } from './view.ts';

/** Announces the ends that no WEE has: cancelled, expired, lost, and those that ended while MQTT was away. */
export interface Announcer extends AsyncDisposable {
  onChange(changes: readonly Changed[]): void;
}

interface Components {
  readonly store: Store;
  readonly ledger: Ledger;
  readonly results: Results;
  readonly clock: Clock;
  readonly log: Log;
}

const atOnce = 200;
const pollMs = 1_000;

export function startAnnouncer(components: Components, leId: string): Announcer {
  const { store, ledger, results, clock, log } = components;

  async function announce(record: TaskRecord): Promise<string | null> {
    const { spec, life } = record;
    const topic = topics.result(topicRegion(life), spec.type, spec.id);
    const event = resultEvent(`/le/${leId}`, resultView(record), endOf(record));
    try {
      await results.announce(topic, event, { qos: 1 });
      return record.spec.id;
    } catch {
      return null;
    }
  }

  /** Announces all there is, oldest first, until MQTT goes away. */
  async function round(): Promise<void> {
    while (results.status === 'connected' && store.status === 'connected') {
      const records = await store.unannounced(atOnce);
      const done = (await Promise.all(records.map(announce))).filter((id) => id !== null);
      await ledger.change(done, ({ life }) =>
        life.announced ? null : { life: next(life, { announced: true }) },
      );
      if (done.length < atOnce) return;
    }
  }

  const announcing = createWakeable(round, (error) => log.warn({ err: error }, 'announcing ends failed'));
  const timers = [
    every(clock, pollMs, () => announcing.wake()),
    results.onStatus((status) => {
      if (status === 'connected') announcing.wake();
    }),
  ];

  return {
    onChange(changes) {
      const mine = ({ after: { life } }: Changed) => life.finishedAt !== null && !life.announced;
      if (changes.some(mine)) announcing.wake();
    },
    async [Symbol.asyncDispose]() {
      for (const timer of timers) timer[Symbol.dispose]();
    },
  };
}
