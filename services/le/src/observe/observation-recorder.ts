import type { Observation } from '@tenma/protocol';
import { type Clock, every, type Log } from '@tenma/runtime';
import type { ObservationRow, Store } from '@tenma/store';

/** Keeps what was seen of each node in the store, for people to look at: under the node's id. */
export interface ObservationRecorder extends AsyncDisposable {
  add(observation: Observation): void;
}

interface Components {
  readonly store: Pick<Store, 'recordObservations'>;
  readonly clock: Clock;
  readonly log: Log;
}

const periodMs = 500;
const rowsAtOnce = 1_000;
/** While the store is away; beyond it the oldest go. Half a minute of 10,000 nodes. */
const rowsMax = 20_000;

export function startObservationRecorder({ store, clock, log }: Components): ObservationRecorder {
  let rows: ObservationRow[] = [];
  let writing: Promise<void> = Promise.resolve();
  let closed = false;

  async function write(): Promise<void> {
    while (rows.length > 0 && !closed) {
      const taken = rows.slice(0, rowsAtOnce);
      rows = rows.slice(rowsAtOnce);
      try {
        await store.recordObservations(taken);
      } catch (error) {
        log.debug({ err: error }, 'observations are not recorded yet');
        rows = [...taken, ...rows];
        return;
      }
    }
  }

  const timer = every(clock, periodMs, () => (writing = write()));
  return {
    add(observation) {
      if (rows.length >= rowsMax) rows = rows.slice(rowsAtOnce);
      rows.push({ target: observation.node_id, at: observation.at, value: { ...observation } });
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      timer[Symbol.dispose]();
      await writing;
    },
  };
}
