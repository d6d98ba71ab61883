import type { Json, Release, TaskType, VersionReport } from '@tenma/protocol';
import type { AttemptRequest, Outcome } from '../processes/interfaces.ts';
import type { Run } from '@tenma/worker/messages';

/** An attempt before it is known which version runs it. */
export interface VersionedRequest extends Omit<AttemptRequest, 'run'> {
  readonly run: Omit<Run, 'run_id' | 'version'>;
  /** A candidate gets only attempts that another one can follow. */
  readonly maxAttempts: number;
  /** Versions that the task admits; absent: all. */
  readonly range?: string | undefined;
}

/** `version`: of the worker that made `outcome`. */
export interface VersionedOutcome {
  readonly version: string;
  readonly outcome: Outcome;
}

/**
 * The versions of one task type and major that a WEE runs: the stable one, and while an update is on trial its
 * candidate beside it. Behind it stands a group of processes a version.
 */
export interface PoolWorkers {
  /** As the stable version says. */
  readonly type: TaskType;
  readonly major: number;
  /** Slots that its attempts may take at once. */
  readonly slots: number;
  /** Of the stable version; null until an attempt has succeeded. */
  readonly meanMs: number | null;
  /** `ended` never rejects. */
  start(request: VersionedRequest): {
    readonly ended: Promise<VersionedOutcome>;
    readonly cancel: () => void;
  };
  /** Slots that an attempt with this input takes. */
  slotsOf(input: Json): number | Promise<number>;
}

/** What this WEE can run, by its packages and by LE's word on their releases. */
export interface Roster extends AsyncDisposable {
  /** Only those whose stable version has been ready once. */
  readonly pools: readonly PoolWorkers[];
  /** Every version that is loaded, for LE to know its schemas. */
  readonly types: readonly TaskType[];
  readonly reports: readonly VersionReport[];
  /** LE's word; what it does not name stays. */
  follow(releases: readonly Release[]): void;
  /** Pools came or went, versions came or changed their role, or a candidate was judged. */
  onChange(listener: () => void): Disposable;
}
