import type { Pace } from '@tenma/geo';
import type { NewRegion } from '@tenma/protocol';

/** How this LE looks after regions; the same for every replica. */
export interface GeoSettings {
  /** False: no probes, no verdicts, no automatic failover; the registry and failover by hand stay. */
  readonly enabled: boolean;
  readonly pace: Pace;
  /** Registered on first start. */
  readonly defaultRegions: readonly NewRegion[];
  /** Active on first start. */
  readonly firstActive: string;
  /** Whether the policy of that name is enabled on first start. */
  readonly autoFailover: boolean;
  readonly replicationGroupSize: number;
  /** After a failover, another one is refused for this long. */
  readonly cooldownMs: number;
  /** Between two latency rounds of a region. */
  readonly latencyIntervalMs: number;
  /** Ended tasks are kept for this long. */
  readonly taskRetentionMs: number;
}
