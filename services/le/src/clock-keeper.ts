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
  const { bus, fleet, clock, log } = components;
  let hearingSince = clock.monotonic();
  let sweptAt = clock.monotonic();

  function hearAnew(): void {
    hearingSince = clock.monotonic();
    fleet.pardon();
  }

  const status = bus.onStatus((now) => void (now === 'connected' && hearAnew()));
  const sweep = every(clock, sweepMs, async () => {
    const now = clock.monotonic();
    // A process that has slept has heard nobody either.
    if (now - sweptAt > defaults.heartbeatMs) hearAnew();
    sweptAt = now;
    if (bus.status !== 'connected' || now - hearingSince < defaults.heartbeatMs) return;
    try {
      await judgeClocks(components);
      await judgeWees(components);
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

/** Tasks of which the journal tells something that is not written down yet are left alone until it is. */
async function judgeClocks({ store, ledger, fleet, journal, clock, random }: Components): Promise<void> {
  for (let full = true; full; ) {
    const due = await store.clocksDue(clock.now(), atOnce);
    if (due.length === 0 || (await journal.isBehind())) return;
    full = due.length === atOnce;
    const ids = due.map(({ spec }) => spec.id).filter((id) => !journal.holds(id));
    const changed = await ledger.change(ids, (control) => {
      const { placement, state } = control.life;
      const pool =
        state === 'queued' && placement
          ? fleet.sightOf(placement.region, placement.pool, placement.wee)
          : null;
      return onClock(control, pool, { now: clock.now(), random });
    });
    if (changed.length === 0) return;
  }
}

async function judgeWees({ store, ledger, fleet, journal, clock, log, random }: Components): Promise<void> {
  const lost = fleet.lost(defaults.heartbeatLostMs);
  if (lost.length === 0 || (await journal.isBehind())) return;
  for (const weeId of lost) {
    const running = await store.runningOn(weeId);
    if (running.length > 0) log.warn({ weeId, attempts: running.length }, 'a WEE is lost');
    const ids = running.map(({ spec }) => spec.id).filter((id) => !journal.holds(id));
    const silent = `${weeId} has been silent for ${defaults.heartbeatLostMs} ms`;
    await ledger.change(ids, (control) =>
      control.life.weeId === weeId ? onLost(control, silent, { now: clock.now(), random }) : null,
    );
    fleet.forget(weeId);
  }
}
