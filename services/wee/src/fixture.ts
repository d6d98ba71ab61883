import type { Bus } from '@tenma/bus';
import {
  type Assignment,
  exchanges,
  heartbeatSchema,
  type JournalBatch,
  queues,
  type TaskEvent,
  topics,
  unplacedRegion,
} from '@tenma/protocol';
import type { Results } from '@tenma/results';

/** What the tests of this folder put around a WEE. */
export const identity = { weeId: 'wee-1', bootId: 'boot', region: 'here' };

/** MQTT that is always there; keeps what the WEE says of itself. */
export function resultsForTest(): { results: Results; presences: unknown[] } {
  const presences: unknown[] = [];
  const results: Results = {
    status: 'connected',
    onStatus: () => ({ [Symbol.dispose]: () => undefined }),
    announce(topic, payload) {
      const { data } = (payload ?? {}) as { data?: unknown };
      if (topic === topics.worker(identity.region, identity.weeId)) presences.push(data);
      return Promise.resolve();
    },
    subscribe: () => Promise.reject(new Error('a WEE subscribes to nothing')),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return { results, presences };
}

/** Stands in for LE: answers a WEE that asks, with each region that was left and the epoch that stands. */
export function answerFrom(bus: Bus, left: ReadonlyMap<string, number>, epoch: number) {
  return bus.subscribe(exchanges.heartbeats, (body) => {
    if (!heartbeatSchema.parse(body).awaits_epoch) return;
    for (const told of [...left, [unplacedRegion, epoch] as const]) {
      void bus.broadcast(exchanges.control, { kind: 'void', region: told[0], epoch: told[1] });
    }
  });
}

/** Reads the journal in place of LE. */
export async function readJournal(bus: Bus): Promise<{ events: TaskEvent[] } & AsyncDisposable> {
  const events: TaskEvent[] = [];
  await bus.declareQueue(queues.journal, { kind: 'durable' });
  const consumer = await bus.consume(queues.journal, { prefetch: 10 }, ({ body }) => {
    events.push(...(body as JournalBatch).events);
    return 'ack';
  });
  return { events, [Symbol.asyncDispose]: () => consumer[Symbol.asyncDispose]() };
}

/** The one of that number, placed here. */
export function assignment(number: number, changes: Partial<Assignment> = {}): Assignment {
  return {
    id: `01990b4c-6f2a-7cc3-9d5e-${String(number).padStart(12, '0')}`,
    type: 'echo',
    input: number,
    region: 'active',
    priority: 5,
    requires: {},
    dispatch_no: 1,
    attempt: 1,
    max_attempts: 3,
    crashes: 0,
    revision: 1,
    timeout_ms: 10_000,
    not_after: Number.MAX_SAFE_INTEGER,
    idempotency_key: `key-${number}`,
    placement: { region: identity.region, pool: 'echo-v1', score: 0, rejected: [] },
    queued_at: 1,
    epoch: 1,
    ...changes,
  };
}
