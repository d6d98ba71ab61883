import type { Bus, Delivery, Verdict } from '@tenma/bus';
import {
  type Assignment,
  assignmentSchema,
  type PoolPresence,
  poolQueue,
  slotsOf,
  slotsOfClass,
  urgentQueue,
} from '@tenma/protocol';
import type { Log } from '@tenma/runtime';
import type { PoolWorkers } from '../releases/interfaces.ts';
import { createSeats, type Seats } from './seats.ts';

/** The part of a WEE that serves one pool: its consumers, its seats, its counters, and a prefetch that follows its pace. */
export interface Pool {
  readonly name: string;
  readonly workers: PoolWorkers;
  readonly seats: Seats;
  readonly counters: PoolCounters;
  readonly presence: PoolPresence;
  /** Looks at the pace since the last call and adjusts the prefetch. Call it about every half second. */
  pace(elapsedMs: number): Promise<void>;
  /** Takes nothing new. */
  cancel(): Promise<void>;
  close(): Promise<void>;
}

export interface PoolCounters {
  held: number;
  running: number;
  /** Ended, and on their way into the journal. */
  ending: number;
  /** Ended since {@link Pool.pace} last looked. */
  ended: number;
  lastTakenQueuedAt: number | null;
}

export interface PoolOptions {
  readonly region: string;
  readonly labels: readonly string[];
  /** Slots of a pool at once, at most. Default: what its processes hold. */
  readonly slots?: number | undefined;
  readonly run: (assignment: Assignment, pool: Pool) => Promise<Verdict>;
}

/** A confirmation may take this long before it holds up the next task: prefetch must exceed rate × confirm latency. */
const confirmWindowMs = 250;
const prefetchMax = 4_000;
/** Urgent tasks are few; more than these wait in their queue. */
const urgentPrefetchMax = 500;
/** Redeliveries that the broker counts before it gives a message up; attempts are counted by LE, not here. */
const deliveryLimit = 20;
/** A queue that no WEE has served for a day goes. */
const expiresMs = 24 * 3_600_000;
export const queueOptions = { kind: 'durable', deliveryLimit, expiresMs } as const;

interface Components {
  readonly bus: Bus;
  readonly log: Log;
}

export async function openPool(
  { bus, log }: Components,
  workers: PoolWorkers,
  { region, labels, slots: slotsMax = Infinity, run }: PoolOptions,
): Promise<Pool> {
  const name = poolName(workers, labels);
  const [queue, urgent] = [poolQueue(region, name), urgentQueue(region, name)];
  const counters: PoolCounters = { held: 0, running: 0, ending: 0, ended: 0, lastTakenQueuedAt: null };
  const slots = () => Math.min(workers.slots, slotsMax);
  const seats = createSeats(slots);
  let prefetch = prefetchFor(workers, slots());

  async function take(delivery: Delivery): Promise<Verdict> {
    const assignment = assignmentOf(delivery, log);
    if (!assignment) return 'drop';
    // Only of the one queue: what is urgent overtakes, and says nothing about those that were passed.
    if (delivery.queue === queue) counters.lastTakenQueuedAt = assignment.queued_at;
    return run(assignment, pool);
  }

  const pool: Pool = {
    name,
    workers,
    seats,
    counters,
    get presence() {
      const { type, version } = workers.type;
      return {
        pool: name,
        type,
        version,
        labels: [...labels],
        queue,
        urgent_queue: urgent,
        slots: slots(),
        cost: slotsOf(workers.type.cost),
        busy: seats.taken,
        running: counters.running,
        held: counters.held,
        mean_ms: workers.meanMs,
      };
    },
    async pace(elapsedMs) {
      const prefetchMin = prefetchFor(workers, slots());
      const wanted = prefetchMin + Math.round((counters.ended / elapsedMs) * confirmWindowMs * 2);
      counters.ended = 0;
      // Changing it means consuming anew: worth it only for a real change of pace.
      if (wanted < prefetch * 1.5 && wanted > prefetch / 4) return;
      const next = Math.min(prefetchMax, Math.max(prefetchMin, wanted));
      if (next === prefetch) return;
      prefetch = next;
      await usual.setPrefetch(prefetch);
    },
    cancel: async () => void (await Promise.all([usual.cancel(), hurried.cancel()])),
    close: async () =>
      void (await Promise.all([usual[Symbol.asyncDispose](), hurried[Symbol.asyncDispose]()])),
  };
  for (const each of [urgent, queue]) await bus.declareQueue(each, queueOptions);
  const hurried = await bus.consume(urgent, { prefetch: Math.min(urgentPrefetchMax, prefetch) }, take);
  const usual = await bus.consume(queue, { prefetch }, take).catch(async (error: unknown) => {
    await hurried[Symbol.asyncDispose]();
    throw error;
  });
  return pool;
}

/**
 * Twice what runs at once, so that the next task is here when a short one ends. What takes long and waits here waits for
 * this WEE alone, though another may be free: of that no more is taken than runs.
 */
function prefetchFor({ type }: PoolWorkers, slots: number): number {
  const cost = slotsOf(type.cost);
  const places = Math.max(1, Math.floor(slots / cost));
  return cost < slotsOfClass.medium ? 2 * places : places;
}

/** Undefined, with a line in the log, for a message that is no assignment. */
export function assignmentOf({ body, queue }: Delivery, log: Log): Assignment | undefined {
  const parsed = assignmentSchema.safeParse(body);
  if (parsed.success) return parsed.data;
  log.error({ queue, issues: parsed.error.issues.slice(0, 5) }, 'a message is no assignment; dropped');
  return undefined;
}

/** Type, major version of its schemas, label class. */
export function poolName({ type, major }: PoolWorkers, labels: readonly string[]): string {
  return [`${type.type}-v${major}`, ...[...labels].sort()].join('_').slice(0, 63);
}
