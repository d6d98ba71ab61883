import type { Bus, Consumer, Verdict } from '@tenma/bus';
import { type Assignment, weeQueue } from '@tenma/protocol';
import type { Log } from '@tenma/runtime';
import { assignmentOf, type Pool, queueOptions } from './pool.ts';

export interface OwnQueue {
  readonly queue: string;
  cancel(): Promise<void>;
  close(): Promise<void>;
}

export interface OwnQueueOptions {
  readonly region: string;
  readonly weeId: string;
  readonly pools: () => Iterable<Pool>;
  readonly run: (assignment: Assignment, pool: Pool) => Promise<Verdict>;
  /** None of the pools runs it any more. */
  readonly refuse: (assignment: Assignment) => Promise<Verdict>;
}

/** What is addressed to a single WEE is rare: so many at once, whatever their types. */
const prefetch = 200;

/** Takes what is addressed to this WEE alone, and hands each to the pool it was placed in. */
export async function openOwnQueue(
  { bus, log }: { bus: Bus; log: Log },
  { region, weeId, pools, run, refuse }: OwnQueueOptions,
): Promise<OwnQueue> {
  const queue = weeQueue(region, weeId);
  await bus.declareQueue(queue, queueOptions);
  const consumer: Consumer = await bus.consume(queue, { prefetch }, async (delivery) => {
    const assignment = assignmentOf(delivery, log);
    if (!assignment) return 'drop';
    for (const pool of pools()) if (pool.name === assignment.placement.pool) return run(assignment, pool);
    return refuse(assignment);
  });
  return {
    queue,
    cancel: () => consumer.cancel(),
    close: async () => consumer[Symbol.asyncDispose](),
  };
}
