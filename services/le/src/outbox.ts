import type { Bus } from '@tenma/bus';
import { type Dispatch, type DispatchBatch, limits, queues, roughJsonBytes } from '@tenma/protocol';
import { type Batcher, createBatcher } from '@tenma/runtime';
import { startBy } from './lifecycle/index.ts';
import type { TaskRecord } from '@tenma/store';

/** Where `active` points. */
export interface ActiveRegion {
  readonly region: string;
  readonly epoch: number;
  /** Regions that tasks for `any` keep clear of. */
  readonly avoid: readonly string[];
}

/** The way from LE to IC: tasks that are sent at about the same time travel as one message. */
export type Outbox = Batcher<Dispatch, undefined>;

/** A dispatch without its input. */
const envelopeBytes = 500;

export function createOutbox(
  { bus, active }: { bus: Bus; active: () => ActiveRegion | null },
  leId: string,
): Outbox {
  return createBatcher<Dispatch, undefined>({
    maxItems: 500,
    maxSize: limits.dispatchMessageBytes,
    sizeOf: ({ input }) => envelopeBytes + roughJsonBytes(input),
    concurrency: 4,
    async flush(tasks) {
      const now = active();
      if (!now) throw new Error('nothing is sent before the active region is known');
      const { region, epoch, avoid } = now;
      const batch: DispatchBatch = { le_id: leId, active_region: region, epoch, avoid: [...avoid], tasks };
      await bus.publish(queues.ic, batch);
      return [];
    },
  });
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
    not_after: startBy({ spec, life }),
    idempotency_key: spec.idempotencyKey ?? spec.id,
    ...(spec.traceparent === null ? {} : { traceparent: spec.traceparent }),
  };
}
