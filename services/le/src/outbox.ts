import type { Bus } from '@tenma/bus';
import { type Dispatch, type DispatchBatch, limits, queues, roughJsonBytes } from '@tenma/protocol';
import { type Batcher, type Clock, createBatcher } from '@tenma/runtime';
import { startBy } from './lifecycle/index.ts';
import type { TaskRecord } from '@tenma/store';

/** Where `active` points. */
export interface ActiveRegion {
  readonly region: string;
  readonly epoch: number;
  /** Regions that tasks for `any` keep clear of. */
  readonly avoid: readonly string[];
  /** Regions that tasks for `any` go to less gladly. */
  readonly degraded?: readonly string[];
  /** Milliseconds to a region from those nearest to it, itself among them; of one that is unknown, nothing. */
  readonly roundTripsTo?: (near: string, now: number) => Readonly<Record<string, number>>;
}

/** The way from LE to IC: tasks that are sent at about the same time travel as one message. */
export type Outbox = Batcher<Dispatch, undefined>;

/** A dispatch without its input. */
const envelopeBytes = 500;

export function createOutbox(
  { bus, active, clock }: { bus: Bus; active: () => ActiveRegion | null; clock: Clock },
  leId: string,
): Outbox {
  return createBatcher<Dispatch, undefined>({
    maxItems: 500,
    maxSize: limits.dispatchMessageBytes,
    sizeOf: ({ input }) => envelopeBytes + roughJsonBytes(input),
    concurrency: 4,
    async flush(tasks) {
      const where = active();
      if (!where) throw new Error('nothing is sent before the active region is known');
      await bus.publish(queues.ic, batchOf(tasks, where, leId, clock.now()));
      return [];
    },
  });
}

function batchOf(tasks: Dispatch[], where: ActiveRegion, leId: string, now: number): DispatchBatch {
  const { region, epoch, avoid, degraded = [], roundTripsTo = () => ({}) } = where;
  const nears = new Set(tasks.flatMap((task) => (task.region === 'any' ? (task.near ?? []) : [])));
  const roundTrips = [...nears].map((near) => [near, { ...roundTripsTo(near, now) }] as const);
  return {
    le_id: leId,
    active_region: region,
    epoch,
    avoid: [...avoid],
    ...(degraded.length === 0 ? {} : { degraded: [...degraded] }),
    ...(nears.size === 0 ? {} : { round_trips: Object.fromEntries(roundTrips) }),
    tasks,
  };
}

/** What IC and a WEE need to know of a task. */
export function dispatchOf({ spec, life, input }: TaskRecord): Dispatch {
  return {
    id: spec.id,
    type: spec.type,
    input,
    region: spec.region,
    priority: spec.priority,
    requires: spec.requires,
    dispatch_no: life.dispatchNo,
    attempt: life.attempt + 1,
    max_attempts: spec.retry.max_attempts,
    crashes: life.crashes,
    revision: life.revision,
    timeout_ms: spec.timeoutMs,
    ...(spec.cost === undefined ? {} : { cost: spec.cost }),
    ...(spec.majors === undefined ? {} : { majors: inTurn(spec.majors, life.attempt, spec.trialMajor) }),
    ...(spec.near === undefined ? {} : { near: spec.near }),
    not_after: startBy({ spec, life }),
    idempotency_key: spec.idempotencyKey ?? spec.id,
    ...(spec.traceparent === null ? {} : { traceparent: spec.traceparent }),
  };
}

/** The major on trial is first for the first attempt alone: what fails there is tried again on the stable one. */
function inTurn(majors: readonly number[], attempts: number, trial: number | undefined): number[] {
  if (trial === undefined || attempts > 0) return [...majors];
  return [trial, ...majors.filter((major) => major !== trial)];
}
