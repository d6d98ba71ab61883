import { emptyFleet, type FleetView, withFreshSight, withoutSilent, withPresence } from '@tenma/fleet';
import { defaults, presenceMessageSchema, topics } from '@tenma/protocol';
import type { Results } from '@tenma/results';
import { type Clock, every, type Log, sleep } from '@tenma/runtime';

/** IC's picture of the fleet, kept from presence on MQTT; frozen while MQTT is away. */
export interface FleetObserver extends AsyncDisposable {
  readonly view: FleetView;
  /** Tasks sent to a pool since it last spoke. */
  readonly sent: (poolKey: string) => number;
  countSent(poolKey: string): void;
  /** Resolves when the view is worth placing by: some WEE takes tasks, or none has said so for two seconds of MQTT. */
  firstSight(signal: AbortSignal): Promise<void>;
}

/** Three missed heartbeats: no new work, long before running work is taken away. */
const silentMs = 3 * defaults.heartbeatMs;
const firstSightMs = 2_000;

export async function observeFleet(components: {
  results: Results;
  clock: Clock;
  log: Log;
}): Promise<FleetObserver> {
  const { results, clock, log } = components;
  let view = emptyFleet;
  const sent = new Map<string, number>();

  const subscription = await results.subscribe(topics.worker('+', '+'), ({ payload }) => {
    const parsed = presenceMessageSchema.safeParse((payload as { data?: unknown } | null)?.data);
    if (!parsed.success) return;
    view = withPresence(view, parsed.data, clock.now());
    if ('pools' in parsed.data)
      for (const { pool } of parsed.data.pools) sent.delete(`${parsed.data.region}/${pool}`);
  });
  const status = results.onStatus((now) => {
    log.info({ mqtt: now }, now === 'connected' ? 'fleet view is live' : 'fleet view is frozen');
    if (now === 'connected') view = withFreshSight(view, clock.now());
  });
  const sweep = every(clock, defaults.heartbeatMs, () => {
    if (results.status === 'connected') view = withoutSilent(view, clock.now(), silentMs);
  });

  return {
    get view() {
      return view;
    },
    sent: (key) => sent.get(key) ?? 0,
    countSent: (key) => void sent.set(key, (sent.get(key) ?? 0) + 1),
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
