import { type Heartbeat, type Presence, type VersionReport, weeQueue } from '@tenma/protocol';
import type { Pool } from './pools/pool.ts';
import type { Roster } from './releases/interfaces.ts';

/** Who a WEE is, for as long as it runs. */
export interface WeeIdentity {
  readonly weeId: string;
  readonly bootId: string;
  readonly region: string;
  readonly version: string;
  readonly labels?: readonly string[];
}

interface Said {
  readonly pools: readonly Pool[];
  readonly roster: Pick<Roster, 'types' | 'reports'>;
  readonly echo: string | null;
  readonly status: Presence['status'];
  readonly since: string;
}

/** One that serves no pool yet tells of no types either: nobody should wait for it. */
export function presenceOf(
  { weeId, bootId, region, labels = [], version }: WeeIdentity,
  { pools, roster, echo, status, since }: Said,
): Presence {
  return {
    wee_id: weeId,
    boot_id: bootId,
    region,
    status,
    labels: [...labels],
    version,
    since,
    pools: pools.map((pool) => pool.presence),
    types: pools.length === 0 ? [] : [...roster.types],
    versions: [...roster.reports],
    queue: weeQueue(region, weeId),
    echo,
  };
}

interface Beating {
  readonly at: number;
  readonly running: readonly string[];
  readonly awaitsEpoch: boolean;
  readonly pools: readonly Pool[];
  readonly reports: readonly VersionReport[];
}

export function heartbeatOf(
  { weeId, bootId, region }: WeeIdentity,
  { at, running, awaitsEpoch, pools, reports }: Beating,
): Heartbeat {
  const judged = reports.filter(({ verdict }) => verdict === 'healthy' || verdict === 'unhealthy');
  return {
    wee_id: weeId,
    boot_id: bootId,
    region,
    at,
    running: [...running],
    ...(awaitsEpoch ? { awaits_epoch: true } : {}),
    ...(judged.length === 0 ? {} : { versions: judged }),
    pools: pools.map(({ name, counters }) => ({
      pool: name,
      held: counters.held,
      running: counters.running,
      last_taken_queued_at: counters.lastTakenQueuedAt,
    })),
  };
}
