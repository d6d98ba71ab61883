import { emptyFleet, type FleetView, withPresence } from '@tenma/fleet';
import type { Dispatch, PoolPresence, Presence } from '@tenma/protocol';
import type { PlacementContext } from './placement.ts';

/** An echo for the active region, sent for the first time. */
export function dispatchForTest(changes: Partial<Dispatch> = {}): Dispatch {
  return {
    id: '01990b4c-6f2a-7cc3-9d5e-0f6d2f1a7b10',
    type: 'echo',
    input: null,
    region: 'active',
    priority: 5,
    requires: {},
    dispatch_no: 1,
    attempt: 1,
    max_attempts: 5,
    crashes: 0,
    revision: 1,
    timeout_ms: 1_000,
    not_after: 0,
    idempotency_key: 'key',
    ...changes,
  };
}

/** A WEE with one pool, of attempts that take a slot and 100 ms. */
export interface WeeForTest extends Partial<Omit<PoolPresence, 'pool'>> {
  readonly id: string;
  readonly region?: string;
  readonly status?: Presence['status'];
  /** Without a queue of its own. */
  readonly shared?: boolean;
}

export function presenceForTest(wee: WeeForTest): Presence {
  const { id, region = 'tokyo', status = 'online', shared = false, ...served } = wee;
  const { type = 'echo', version = '1.0.0', labels = [] } = served;
  const pool = [`${type}-v${version.split('.')[0]}`, ...labels].join('_');
  const idle = { slots: 10, running: 0, held: 0, cost: 1, mean_ms: 100 };
  return {
    wee_id: id,
    boot_id: 'boot',
    region,
    status,
    labels,
    version: '1.0.0',
    since: '2026-01-01T00:00:00.000Z',
    pools: [{ ...idle, queue: `q.${region}.${pool}`, ...served, pool, type, version, labels }],
    types: [],
    echo: null,
    ...(shared ? {} : { queue: `own.${region}.${id}` }),
  };
}

export function fleetOf(...wees: readonly WeeForTest[]): FleetView {
  return wees.reduce((fleet, wee) => withPresence(fleet, presenceForTest(wee), 0), emptyFleet);
}

/** Tokyo is active, all regions are well, nothing has been sent, and the first of a draw is taken. */
export function contextForTest(changes: Partial<PlacementContext> = {}): PlacementContext {
  return {
    activeRegion: 'tokyo',
    avoid: [],
    degraded: [],
    roundTrips: {},
    sent: () => 0,
    random: () => 0,
    ...changes,
  };
}

/** Uniform in [0, 1), the same from the same seed (Park and Miller). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}
