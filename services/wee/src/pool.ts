import type { Bus, Consumer, Delivery, Verdict } from '@tenma/bus';
import {
  type Assignment,
  assignmentSchema,
  type PoolPresence,
  poolQueue,
  type TaskType,
} from '@tenma/protocol';
import type { Log } from '@tenma/runtime';

/** The part of a WEE that serves one pool: its consumer, its counters, and a prefetch that follows its pace. */
export interface Pool {
  readonly type: TaskType;
  readonly name: string;
  readonly presence: PoolPresence;
  readonly counters: PoolCounters;
  /** Looks at the pace since the last call and adjusts the prefetch. Call it about every half second. */
  pace(elapsedMs: number): Promise<void>;
  /** Takes nothing new. */
  cancel(): Promise<void>;
  close(): Promise<void>;
}

export interface PoolCounters {
  held: number;
  running: number;
  /** Ended since {@link Pool.pace} last looked. */
  ended: number;
  lastTakenQueuedAt: number | null;
}

export interface PoolOptions {
  readonly region: string;
  readonly labels: readonly string[];
  readonly slots: number;
  readonly run: (assignment: Assignment, counters: PoolCounters) => Promise<Verdict>;
}

/** A confirmation may take this long before it holds up the next task: prefetch must exceed rate × confirm latency. */
const confirmWindowMs = 250;
const prefetchMax = 4_000;
/** Redeliveries that the broker counts before it gives a message up; attempts are counted by LE, not here. */
const deliveryLimit = 20;
/** A queue that no WEE has served for a day goes. */
const expiresMs = 24 * 3_600_000;
export const queueOptions = { kind: 'durable', deliveryLimit, expiresMs } as const;

export async function openPool(
  { bus, log }: { bus: Bus; log: Log },
  type: TaskType,
  { region, labels, slots, run }: PoolOptions,
): Promise<Pool> {
  const name = poolName(type, labels);
  const queue = poolQueue(region, name);
  const counters: PoolCounters = { held: 0, running: 0, ended: 0, lastTakenQueuedAt: null };
  const prefetchMin = 2 * slots;
  let prefetch = prefetchMin;

  async function take(delivery: Delivery): Promise<Verdict> {
    const parsed = assignmentSchema.safeParse(delivery.body);
    if (!parsed.success) {
      log.error({ queue, issues: parsed.error.issues.slice(0, 5) }, 'a message is no assignment; dropped');
      return 'drop';
    }
    counters.lastTakenQueuedAt = parsed.data.queued_at;
    return run(parsed.data, counters);
  }

  await bus.declareQueue(queue, queueOptions);
  const consumer: Consumer = await bus.consume(queue, { prefetch }, take);

  return {
    type,
    name,
    counters,
    get presence() {
      const { held, running } = counters;
      return { pool: name, type: type.type, labels: [...labels], queue, slots, running, held };
    },
    async pace(elapsedMs) {
      const wanted = prefetchMin + Math.round((counters.ended / elapsedMs) * confirmWindowMs * 2);
      counters.ended = 0;
      // Changing it means consuming anew: worth it only for a real change of pace.
      if (wanted < prefetch * 1.5 && wanted > prefetch / 4) return;
      const next = Math.min(prefetchMax, Math.max(prefetchMin, wanted));
      if (next === prefetch) return;
      prefetch = next;
      await consumer.setPrefetch(prefetch);
    },
    cancel: () => consumer.cancel(),
    close: async () => consumer[Symbol.asyncDispose](),
  };
}

/** Type, major version of its schemas, label class. */
export function poolName(type: TaskType, labels: readonly string[]): string {
  const major = type.version.split('.')[0] ?? '0';
  return [`${type.type}-v${major}`, ...[...labels].sort()].join('_').slice(0, 63);
}
