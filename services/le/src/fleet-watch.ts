import type { Bus } from '@tenma/bus';
import {
  emptyFleet,
  type FleetView,
  poolKey,
  withFreshSight,
  withoutSilent,
  withPresence,
} from '@tenma/fleet';
import {
  defaults,
  exchanges,
  type Heartbeat,
  heartbeatSchema,
  type Presence,
  presenceMessageSchema,
  topics,
} from '@tenma/protocol';
import type { Results } from '@tenma/results';
import { type Clock, every } from '@tenma/runtime';
import type { PoolSight } from './lifecycle/index.ts';

/** What LE knows of the WEEs: presence by MQTT for show, heartbeats by AMQP as proof that they consume. */
export interface FleetWatch extends AsyncDisposable {
  readonly view: FleetView;
  /** Of a pool, or of the one WEE of it that a task is addressed to. */
  sightOf(region: string, pool: string, wee?: string): PoolSight;
  /** WEEs whose heartbeat has been missing for `silentMs`, on the monotonic clock: a step of the time loses nobody. */
  lost(silentMs: number): string[];
  /** What the lost one ran has been taken from it. */
  forget(weeId: string): void;
  /** After an outage of our own, everybody's silence counts from now on. */
  pardon(): void;
  /** Calls back now, and whenever an online WEE comes, goes, starts anew or has other versions. */
  onVersions(listener: (online: readonly Presence[]) => void): Disposable;
  onHeartbeat(listener: (heartbeat: Heartbeat) => void): Disposable;
}

interface Components {
  readonly bus: Bus;
  readonly results: Results;
  readonly clock: Clock;
  /** A WEE that was not there, has started anew, or takes tasks from now on. */
  readonly onAppeared: (presence: Presence) => void;
  /** A WEE may have missed what was told to all: it says so, or was silent, or is heard for the first time. */
  readonly onHeardAgain: () => void;
}

/** One beat may be late. */
const attentiveMs = 2 * defaults.heartbeatMs;

interface Heard {
  at: number;
  readonly pools: Map<string, number | null>;
}

export async function watchFleet(components: Components): Promise<FleetWatch> {
  const { bus, results, clock, onAppeared, onHeardAgain } = components;
  let view = emptyFleet;
  const heard = new Map<string, Heard>();
  const versionListeners = new Set<(online: readonly Presence[]) => void>();
  const heartbeatListeners = new Set<(heartbeat: Heartbeat) => void>();

  function see(next: FleetView): void {
    const before = view;
    view = next;
    if (haveSameVersions(before, view)) return;
    for (const listener of versionListeners) listener(onlineOf(view));
  }

  const subscription = await results.subscribe(topics.worker('+', '+'), ({ payload }) => {
    const parsed = presenceMessageSchema.safeParse((payload as { data?: unknown } | null)?.data);
    if (!parsed.success) return;
    const message = parsed.data;
    const before = view.wees.get(message.wee_id)?.presence;
    see(withPresence(view, message, clock.now()));
    if (!('pools' in message) || message.status === 'offline') return;
    const opened = message.status === 'online' && before?.status !== 'online';
    if (opened || before?.boot_id !== message.boot_id) onAppeared(message);
  });
  const heartbeats = await bus.subscribe(exchanges.heartbeats, (body) => {
    const parsed = heartbeatSchema.safeParse(body);
    if (!parsed.success) return;
    const { wee_id, region, pools, awaits_epoch: asks = false } = parsed.data;
    const silentMs = clock.monotonic() - (heard.get(wee_id)?.at ?? Number.NEGATIVE_INFINITY);
    const taken = pools.map(({ pool, last_taken_queued_at: at }) => [poolKey(region, pool), at] as const);
    heard.set(wee_id, { at: clock.monotonic(), pools: new Map(taken) });
    if (asks || silentMs > attentiveMs) onHeardAgain();
    for (const listener of heartbeatListeners) listener(parsed.data);
  });
  const status = results.onStatus((now) => {
    if (now === 'connected') view = withFreshSight(view, clock.now());
  });
  const sweep = every(clock, defaults.heartbeatMs, () => {
    if (results.status === 'connected') see(withoutSilent(view, clock.now(), 3 * defaults.heartbeatMs));
  });

  return {
    get view() {
      return view;
    },
    sightOf(region, pool, wee) {
      if (wee !== undefined) return sightOfWee(view, heard.get(wee), wee, poolKey(region, pool));
      let takenUpTo: number | null = null;
      let alive = view.pools.has(poolKey(region, pool));
      for (const { pools } of heard.values()) {
        const taken = pools.get(poolKey(region, pool));
        if (taken === undefined) continue;
        alive = true;
        if (taken !== null) takenUpTo = Math.max(takenUpTo ?? 0, taken);
      }
      return { alive, takenUpTo };
    },
    lost(silentMs) {
      const now = clock.monotonic();
      return [...heard].filter(([, { at }]) => now - at > silentMs).map(([id]) => id);
    },
    forget: (weeId) => void heard.delete(weeId),
    pardon() {
      for (const entry of heard.values()) entry.at = clock.monotonic();
    },
    onVersions(listener) {
      listener(onlineOf(view));
      return listenAmong(versionListeners, listener);
    },
    onHeartbeat: (listener) => listenAmong(heartbeatListeners, listener),
    async [Symbol.asyncDispose]() {
      sweep[Symbol.dispose]();
      status[Symbol.dispose]();
      await heartbeats[Symbol.asyncDispose]();
      await subscription[Symbol.asyncDispose]();
    },
  };
}

function listenAmong<Listener>(listeners: Set<Listener>, listener: Listener): Disposable {
  listeners.add(listener);
  return { [Symbol.dispose]: () => void listeners.delete(listener) };
}

function haveSameVersions(before: FleetView, now: FleetView): boolean {
  if (before.wees.size !== now.wees.size) return false;
  return [...now.wees].every(([id, wee]) => {
    const was = before.wees.get(id);
    return was === wee || (was !== undefined && versionsOf(was.presence) === versionsOf(wee.presence));
  });
}

function versionsOf({ status, boot_id: boot, types }: Presence): string {
  if (status !== 'online') return '';
  return [boot, ...types.map(({ type, version }) => `${type} ${version}`)].join();
}

export function onlineOf(view: FleetView): Presence[] {
  return [...view.wees.values()].map(({ presence }) => presence).filter(({ status }) => status === 'online');
}

/**
 * What it says of itself counts, as one that drains still beats; where it has said nothing, its beats do. Of its own
 * queue nothing is known: what it has taken was in the queue that it shares.
 */
function sightOfWee(view: FleetView, heard: Heard | undefined, wee: string, key: string): PoolSight {
  const served = view.wees.has(wee) ? view.pools.get(key)?.wees.includes(wee) : heard?.pools.has(key);
  return { alive: served ?? false, takenUpTo: null };
}
