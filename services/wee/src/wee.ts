import type { Bus } from '@tenma/bus';
import { controlMessageSchema, defaults, exchanges, type Presence, queues, timestamp } from '@tenma/protocol';
import type { Results } from '@tenma/results';
import { type Clock, every, type Log, sleep } from '@tenma/runtime';
import { createAnnouncer } from './announcer.ts';
import { createJournal, type Journal } from './journal.ts';
import { openPool, type Pool } from './pool.ts';
import { startProcessGroup } from './process-group.ts';
import { createRunner, type Runner } from './runner.ts';
import { createSlots, type Slots } from './slots.ts';

export interface WeeOptions {
  readonly weeId: string;
  readonly bootId: string;
  readonly region: string;
  readonly version: string;
  readonly labels?: readonly string[];
  /** Module specifiers of worker packages. */
  readonly packages: readonly string[];
  /** Worker processes. Default 2. */
  readonly processes?: number;
  /** Attempts at once, over all processes. Default 64. */
  readonly slots?: number;
  /** How long a drain waits for running attempts. Default 30 s. */
  readonly drainMs?: number;
}

interface Components {
  readonly bus: Bus;
  readonly results: Results;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
}

/**
 * A worker execution environment: takes tasks from the queues of its pools, runs them in worker processes, announces
 * and journals what came of them. Disposing drains: nothing new is taken, what runs may finish, the rest goes back.
 * @throws when the worker packages do not load
 */
export async function startWee(components: Components, options: WeeOptions): Promise<AsyncDisposable> {
  const { bus, results, clock, log } = components;
  const { weeId, region, labels = [], processes = 2, drainMs = 30_000 } = options;
  const slots = createSlots(options.slots ?? 64);
  const closing = new AbortController();
  const group = await startProcessGroup(components, { packages: options.packages, processes });
  await bus.declareQueue(queues.journal, { kind: 'durable' });
  const journal = createJournal(components, weeId, closing.signal);
  const announcer = createAnnouncer(components, { region, weeId });
  const runner = createRunner({ group, journal, announcer, slots, clock }, { weeId, region });
  const control = await bus.subscribe(exchanges.control, (body) => {
    const message = controlMessageSchema.safeParse(body);
    if (message.success) runner.cancel(message.data.tasks);
  });
  const pools: Pool[] = [];
  for (const type of group.types) {
    pools.push(
      await openPool(components, type, {
        region,
        labels,
        slots: slots.size,
        run: (...args) => runner.run(...args),
      }),
    );
  }

  const since = timestamp(clock.now());
  let status: Presence['status'] = 'online';
  const speak = () => announcer.presence(presenceOf(options, pools, status, since));
  const timers = [
    results.onStatus((now) => void (now === 'connected' && speak())),
    every(clock, defaults.heartbeatMs, async () => {
      await speak();
      await beat(journal, runner, pools, options, clock).catch(() => undefined);
    }),
    every(clock, 100, () => runner.tellStarted()),
    every(clock, 500, async () => void (await Promise.all(pools.map((pool) => pool.pace(500))))),
  ];
  await speak();
  await beat(journal, runner, pools, options, clock).catch(() => undefined);
  log.info({ weeId, region, pools: pools.map((pool) => pool.name) }, 'taking tasks');

  return {
    async [Symbol.asyncDispose]() {
      status = 'draining';
      await speak();
      await Promise.all(pools.map((pool) => pool.cancel()));
      await drained(slots, pools, clock, drainMs);
      await Promise.race([journal.idle(), sleep(clock, 5_000)]);
      for (const timer of timers) timer[Symbol.dispose]();
      closing.abort(new Error('WEE stops'));
      await Promise.all(pools.map((pool) => pool.close()));
      await control[Symbol.asyncDispose]();
      await group[Symbol.asyncDispose]();
      status = 'offline';
      await speak();
    },
  };
}

function presenceOf(
  { weeId, bootId, region, labels = [], version }: WeeOptions,
  pools: readonly Pool[],
  status: Presence['status'],
  since: string,
): Presence {
  return {
    wee_id: weeId,
    boot_id: bootId,
    region,
    status,
    labels: [...labels],
    version,
    since,
    pools: pools.map((pool) => pool.presence),
    types: pools.map((pool) => pool.type),
  };
}

function beat(
  journal: Journal,
  runner: Runner,
  pools: readonly Pool[],
  { weeId, bootId, region }: WeeOptions,
  clock: Clock,
): Promise<void> {
  return journal.beat({
    wee_id: weeId,
    boot_id: bootId,
    region,
    at: clock.now(),
    running: [...runner.runningIds],
    pools: pools.map(({ name, counters }) => ({
      pool: name,
      held: counters.held,
      running: counters.running,
      last_taken_queued_at: counters.lastTakenQueuedAt,
    })),
  });
}

/** Resolves when nothing runs and nothing is held, or when the patience is over. */
async function drained(
  slots: Slots,
  pools: readonly Pool[],
  clock: Clock,
  patienceMs: number,
): Promise<void> {
  const until = clock.monotonic() + patienceMs;
  const busy = () => slots.taken > 0 || pools.some(({ counters }) => counters.held > 0);
  while (busy() && clock.monotonic() < until) await sleep(clock, 20);
}
