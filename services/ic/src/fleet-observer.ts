import {
  emptyFleet,
  type FleetView,
  type Load,
  poolKey,
  withFreshSight,
  withoutSilent,
  withPresence,
} from '@tenma/fleet';
import { defaults, type Presence, presenceMessageSchema, topics } from '@tenma/protocol';
import type { Results } from '@tenma/results';
import { type Clock, every, type Log, sleep } from '@tenma/runtime';
import { memberKey, type Target } from './eligibility.ts';
import { createInFlight, type InFlight } from './in-flight.ts';

/** IC's picture of the fleet, kept from presence on MQTT; frozen while MQTT is away. */
export interface FleetObserver extends AsyncDisposable {
  readonly view: FleetView;
  /** Slots that were sent to a target, and of which it has not told yet. */
  readonly sent: (key: string, load: Load) => number;
  countSent(target: Target, slots: number): void;
  /** Resolves when the view is worth placing by: some WEE takes tasks, or none has said so for two seconds of MQTT. */
  firstSight(signal: AbortSignal): Promise<void>;
}

/** Three missed heartbeats: no new work, long before running work is taken away. */
const silentMs = 3 * defaults.heartbeatMs;
const firstSightMs = 2_000;
/** What was sent longer ago has started, or is out of its queue. */
const inFlightMs = 2 * defaults.queueTimeoutMs;

export async function observeFleet(components: {
  results: Results;
  clock: Clock;
  log: Log;
}): Promise<FleetObserver> {
  const { results, clock, log } = components;
  let view = emptyFleet;
  const inFlight = createInFlight(() => clock.monotonic());

  const subscription = await results.subscribe(topics.worker('+', '+'), ({ payload }) => {
    const parsed = presenceMessageSchema.safeParse((payload as { data?: unknown } | null)?.data);
    if (!parsed.success) return;
    view = withPresence(view, parsed.data, clock.now());
    if ('pools' in parsed.data) hear(parsed.data, view, inFlight);
  });
  const status = results.onStatus((now) => {
    log.info({ mqtt: now }, now === 'connected' ? 'fleet view is live' : 'fleet view is frozen');
    if (now === 'connected') view = withFreshSight(view, clock.now());
  });
  const sweep = every(clock, defaults.heartbeatMs, () => {
    inFlight.forget(inFlightMs);
    if (results.status === 'connected') view = withoutSilent(view, clock.now(), silentMs);
  });

  return {
    get view() {
      return view;
    },
    sent: (key, load) => inFlight.slots(key, load),
    countSent({ pool, key, load }, slots) {
      inFlight.add(pool.key, pool, slots);
      // It weighs on the pool as well.
      if (key !== pool.key) inFlight.add(key, load, slots);
    },
    async firstSight(signal) {
      let connectedMs = 0;
      while (view.pools.size === 0 && connectedMs < firstSightMs) {
        await sleep(clock, 20, signal);
        if (results.status === 'connected') connectedMs += 20;
      }
    },
    async [Symbol.asyncDispose]() {
      sweep[Symbol.dispose]();
      status[Symbol.dispose]();
      await subscription[Symbol.asyncDispose]();
    },
  };
}

/** One with tasks in hand that it cannot start may have more of them in its queue: what was sent still counts. */
function hear({ wee_id: weeId, region, pools }: Presence, view: FleetView, inFlight: InFlight): void {
  for (const { pool, slots, held } of pools) {
    if (held > 0) continue;
    const key = poolKey(region, pool);
    inFlight.told(key, slots / Math.max(1, slots, view.pools.get(key)?.slots ?? 0));
    inFlight.told(memberKey(key, weeId), 1);
  }
}
