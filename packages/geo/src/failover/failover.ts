import type { ErrorCode, Location, RegionStatus } from '@tenma/protocol';

/** A region as the decision sees it. */
export interface Candidate {
  readonly regionId: string;
  readonly location: Location;
  readonly priority: number;
  readonly status: RegionStatus;
  readonly quarantined: boolean;
  /** Whether it has workers, and whether it has nodes. */
  readonly workers: boolean;
  readonly nodes: boolean;
}

export interface FailoverSituation {
  readonly regions: readonly Candidate[];
  readonly active: { readonly regionId: string; readonly epoch: number };
  /** Of the last executed failover, Unix ms. */
  readonly lastFailoverAt: number | null;
  readonly cooldownMs: number;
  readonly now: number;
  /** Effective round trip from the region that is to be left, ms. */
  readonly roundTripMs: (to: string) => number;
}

export interface FailoverWish {
  readonly from: string;
  readonly to?: string | undefined;
  readonly prefer: 'priority' | 'nearest';
  /** By a policy: needs a region that is offline, and a target that is online and steady. */
  readonly automatic: boolean;
}

export interface PassedOver {
  readonly regionId: string;
  readonly reason: string;
}

export type FailoverJudgement =
  | { readonly allowed: true; readonly to: string; readonly passedOver: readonly PassedOver[] }
  | {
      readonly allowed: false;
      readonly code: Extract<ErrorCode, 'unknown_region' | 'failover_refused' | 'failover_cooldown'>;
      readonly reason: string;
      readonly retryAfterMs: number | null;
      readonly passedOver: readonly PassedOver[];
    };
