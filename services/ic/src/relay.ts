import {
  type Bus,
  BusUnavailableError,
  type Consumer,
  type Delivery,
  UnroutableError,
  type Verdict,
} from '@tenma/bus';
import {
  type Assignment,
  type Dispatch,
  type DispatchBatch,
  defaults,
  dispatchBatchSchema,
  isUrgent,
  type JournalBatch,
  queues,
  type TaskEvent,
} from '@tenma/protocol';
import { type Clock, type Log, sleep } from '@tenma/runtime';
import { createEpochGuard, type EpochGuard } from './epoch-guard.ts';
import type { FleetObserver } from './fleet-observer.ts';
import type { Target } from './eligibility.ts';
import { place } from './placement.ts';

export interface RelayOptions {
  readonly icId: string;
  /** Batches from LE in work at once. */
  readonly batchesAtOnce: number;
}

interface Components {
  readonly bus: Bus;
  readonly fleet: FleetObserver;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
}

/** A batch that cannot be passed on waits this long before it is given back, so that it does not spin. */
const givenBackMs = 200;

/**
 * Takes batches from LE, publishes each task to the queue of the pool that placement chose, journals what became of
 * each, and only then takes the batch off its queue. A replica that dies in between leaves the batch to another one:
 * some tasks are then sent twice, which a WEE or the record sorts out.
 */
export async function startRelay(components: Components, options: RelayOptions): Promise<Consumer> {
  const { bus } = components;
  const epochs = createEpochGuard();
  await bus.declareQueue(queues.ic, { kind: 'transient', messageTtlMs: defaults.dispatchLeaseMs });
  await bus.declareQueue(queues.journal, { kind: 'durable' });
  return bus.consume(queues.ic, { prefetch: options.batchesAtOnce }, (delivery) =>
    relay({ ...components, epochs }, options, delivery),
  );
}

interface Relaying extends Components {
  readonly epochs: EpochGuard;
}

async function relay(components: Relaying, options: RelayOptions, delivery: Delivery): Promise<Verdict> {
  const parsed = dispatchBatchSchema.safeParse(delivery.body);
  if (!parsed.success) {
    components.log.error({ issues: parsed.error.issues.slice(0, 5) }, 'a batch from LE is not one; dropped');
    return 'drop';
  }
  try {
    const events = await Promise.all(parsed.data.tasks.map((task) => send(components, parsed.data, task)));
    const journal: JournalBatch = { from: options.icId, events };
    await components.bus.publish(queues.journal, journal);
    return 'ack';
  } catch (error) {
    if (!(error instanceof BusUnavailableError)) throw error;
    components.log.debug({ err: error }, 'a batch is given back: the broker does not take messages');
    await sleep(components.clock, givenBackMs);
    return 'retry';
  }
}

/** @throws BusUnavailableError so that the whole batch is given back */
async function send(components: Relaying, batch: DispatchBatch, task: Dispatch): Promise<TaskEvent> {
  const { bus, fleet, clock, log, random, epochs } = components;
  const { active_region: activeRegion, avoid, degraded = [], round_trips: roundTrips = {}, epoch } = batch;
  const at = clock.now();
  const event = { task_id: task.id, dispatch_no: task.dispatch_no, at };
  if (epochs.isStale(epoch) && task.region === 'active') {
    return {
      kind: 'waiting',
      ...event,
      reason: `stale_epoch: ${activeRegion} is no longer the active region`,
      epoch: epochs.highest,
    };
  }
  const context = { activeRegion, avoid, degraded, roundTrips, sent: fleet.sent, random };
  const result = place(task, fleet.view, context);
  if (!result.placed) return { kind: 'waiting', ...event, reason: result.reason };
  const { target, placement } = result;
  const assignment: Assignment = { ...task, placement, queued_at: at, epoch };
  try {
    fleet.countSent(target, task.cost ?? target.load.cost);
    await bus.publish(queueFor(task, target), assignment, { ttlMs: Math.max(1, task.not_after - at) });
    return { kind: 'queued', ...event, placement };
  } catch (error) {
    if (error instanceof BusUnavailableError) throw error;
    if (!(error instanceof UnroutableError))
      log.error({ err: error, task: task.id }, 'publishing a task failed');
    return { kind: 'waiting', ...event, reason: `no_eligible_worker: ${target.key} has no queue yet` };
  }
}

/** The WEE's own queue where it is addressed to one; what is urgent does not stand behind the rest of its pool. */
function queueFor(task: Dispatch, { pool, member }: Target): string {
  if (member?.queue) return member.queue;
  return (isUrgent(task) ? pool.urgentQueue : null) ?? pool.queue;
}
