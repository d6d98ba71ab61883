import type {
  ActiveRegion,
  FailoverEvent,
  LatencyVector,
  NewSchedule,
  NodeRecord,
  Policy,
  RegionRecord,
  Release,
  Verdict,
} from '@tenma/protocol';

/** A schedule as it is written down; when its next slot is follows from it. */
export type ScheduleRecord = NewSchedule & { readonly created_at: string; readonly updated_at: string };

/** What a change of a release was: `changed` is all that is neither the beginning nor the end of a trial. */
export type ReleaseChange = 'begun' | 'promoted' | 'rolled_back' | 'changed';

/** A release with its latest change, which is announced under this name. */
export type ReleaseRecord = Release & { readonly change: ReleaseChange };

/** What is written down as documents, by kind. */
export interface DocumentValues {
  readonly region: RegionRecord;
  readonly node: NodeRecord;
  /** By region id and by node id; absent as long as nothing is known. */
  readonly 'region-verdict': Verdict;
  readonly 'node-verdict': Verdict;
  /** One document, {@link activeRegionId}. */
  readonly 'active-region': ActiveRegion;
  readonly failover: FailoverEvent;
  /** By the region that measures. */
  readonly latency: LatencyVector;
  readonly schedule: ScheduleRecord;
  readonly policy: Policy;
  /** By task type. */
  readonly release: ReleaseRecord;
}

export type Kind = keyof DocumentValues;

export const activeRegionId = 'active';
