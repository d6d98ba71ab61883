import type { Bus } from '@tenma/bus';
import { defaults } from '@tenma/protocol';
import { type Clock, every, type Log } from '@tenma/runtime';
import type { Store } from '@tenma/store';
import type { FleetWatch } from './fleet-watch.ts';
import type { JournalReader } from './journal-reader.ts';
import type { Ledger } from './ledger.ts';
import { onClock, onLost } from './lifecycle/index.ts';

interface Components {
  readonly bus: Bus;
  readonly store: Store;
  readonly ledger: Ledger;
  readonly fleet: FleetWatch;
  readonly journal: JournalReader;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
}

const sweepMs = 500;
const atOnce = 500;

/**
 * Judges the clocks of tasks that have run out, and takes the attempts of lost WEEs away from them. Only while LE hears
 * its journal: an outage of its own must not look like the loss of every worker.
 */
export function startClockKeeper(components: Components): Disposable {
  const { bus, store, ledger, fleet, journal, clock, log, random } = components;
  let hearingSince = clock.now();

  async function judgeClocks(): Promise<void> {
    for (let full = true; full; ) {
      const due = await store.clocksDue(clock.now(), atOnce);
      full = due.length === atOnce;
      const ids = due.map(({ spec }) => spec.id);
      const changed = await ledger.change(ids, (control) => {
        const { placement, state } = control.life;
        const pool = state === 'queued' && placement ? fleet.sightOf(placement.region, placement.pool) : null;
        return onClock(control, pool, { now: clock.now(), random });
      });
      if (changed.length === 0) return;
    }
  }

  async function judgeWees(): Promise<void> {
    for (const weeId of fleet.takeLost(clock.now(), defaults.heartbeatLostMs)) {
      const running = await store.runningOn(weeId);
      if (running.length > 0) log.warn({ weeId, attempts: running.length }, 'a WEE is lost');
      const ids = running.map(({ spec }) => spec.id);
      await ledger.change(ids, (control) =>
        control.life.weeId === weeId
          ? onLost(control, `${weeId} has been silent for ${defaults.heartbeatLostMs} ms`, {
              now: clock.now(),
              random,
            })
          : null,
      );
    }
  }

  const status = bus.onStatus((now) => {
    if (now !== 'connected') return;
    hearingSince = clock.now();
    fleet.pardon(hearingSince);
  });
  const sweep = every(clock, sweepMs, async () => {
    const deaf = bus.status !== 'connected' || clock.now() - hearingSince < defaults.heartbeatMs;
    try {
      if (deaf || !journal.caughtUp) return;
      await judgeClocks();
      await judgeWees();
    } catch (error) {
      log.debug({ err: error }, 'clocks not judged');
    }
  });

  return {
    [Symbol.dispose]() {
      sweep[Symbol.dispose]();
      status[Symbol.dispose]();
    },
  };
}
