import type { Bus } from '@tenma/bus';
import {
  controlMessageSchema,
  defaults,
  exchanges,
  type Heartbeat,
  type Presence,
  queues,
  timestamp,
  unplacedRegion,
} from '@tenma/protocol';
import type { Results } from '@tenma/results';
import { type Clock, ConfigError, every, type Log, sleep } from '@tenma/runtime';
import { createAnnouncer } from './announcer.ts';
import { type EchoOptions, type EchoResponder, startEcho } from './echo/responder.ts';
import { createEpochGate, type EpochGate, untoldMs } from './epoch-gate.ts';
import { createJournal } from './journal.ts';
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
  /** What worker processes see of the environment: nothing that is not theirs, such as the URLs of the brokers. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Worker processes. Default 2. */
  readonly processes?: number;
  /** Attempts at once, over all processes. Default 200. */
  readonly slots?: number;
  /** How long a drain waits for running attempts. Default 30 s. */
  readonly drainMs?: number;
  /** Where others measure the round trip to it. Default: nowhere. */
  readonly echo?: EchoOptions | undefined;
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
 * and journals what came of them. It begins when it knows where the epoch stands. Disposing drains: nothing new is
 * taken, what runs may finish, the rest goes back.
 * @throws when the worker packages do not load
 */
export async function startWee(components: Components, options: WeeOptions): Promise<AsyncDisposable> {
  const { bus, results, clock, log } = components;
  const { weeId, region, labels = [], processes = 2, drainMs = 30_000 } = options;
  const slots = createSlots(options.slots ?? 200);
  const closing = new AbortController();
  const echo = options.echo && (await startEcho(components, options.echo));
  const { packages, environment } = options;
  const group = await startProcessGroup(components, { packages, environment, processes }).catch(
    (error: unknown) => {
      throw new ConfigError(`TENMA_WORKERS: the worker packages do not load: ${(error as Error).message}`);
    },
  );
  await bus.declareQueue(queues.journal, { kind: 'durable' });
  const journal = createJournal(components, weeId, closing.signal);
  const announcer = createAnnouncer(components, { region, weeId, bootId: options.bootId });
  const gate = createEpochGate(components);
  const runner = createRunner({ group, journal, announcer, slots, gate, clock }, { weeId, region });
  const control = await bus.subscribe(exchanges.control, (body) => hear(body, runner, gate));

  const pools: Pool[] = [];
  const since = timestamp(clock.now());
  let status: Presence['status'] = 'draining';
  const speak = () => announcer.presence(presenceOf(options, pools, echo, status, since));
  const beats = () => beat({ bus, runner, pools, gate, clock }, options);
  const timers = [
    results.onStatus((now) => void (now === 'connected' && speak())),
    every(clock, defaults.heartbeatMs, async () => {
      await speak();
      await beats();
    }),
    every(clock, 100, () => runner.tellStarted()),
    every(clock, 500, async () => void (await Promise.all(pools.map((pool) => pool.pace(500))))),
    gate,
  ];
  // It takes none before: what stands in its queues may be void, and what is not another WEE can take meanwhile.
  gate.watch(() => void beats());
  await speak();
  await Promise.race([gate.opened(), sleep(clock, untoldMs)]);
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
  status = 'online';
  await speak();
  await beats();
  log.info({ weeId, region, pools: pools.map((pool) => pool.name) }, 'taking tasks');

  return {
    async [Symbol.asyncDispose]() {
      log.info({ weeId, running: slots.taken }, 'draining: takes nothing new, finishes what runs');
      status = 'draining';
      await speak();
      await Promise.all(pools.map((pool) => pool.cancel()));
      runner.stopStarting();
      gate[Symbol.dispose]();
      await drained(slots, pools, clock, drainMs);
      await Promise.race([journal.idle(), sleep(clock, 5_000)]);
      log.info({ weeId, given_back: slots.taken }, 'drained');
      for (const timer of timers) timer[Symbol.dispose]();
      closing.abort(new Error('WEE stops'));
      await Promise.all(pools.map((pool) => pool.close()));
      await control[Symbol.asyncDispose]();
      await group[Symbol.asyncDispose]();
      await echo?.[Symbol.asyncDispose]();
      await announcer.goodbye();
    },
  };
}

function presenceOf(
  { weeId, bootId, region, labels = [], version }: WeeOptions,
  pools: readonly Pool[],
  echo: EchoResponder | undefined,
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
    echo: echo?.address ?? null,
  };
}

function hear(body: unknown, runner: Runner, gate: EpochGate): void {
  const message = controlMessageSchema.safeParse(body);
  if (!message.success) return;
  if (message.data.kind === 'cancel') return runner.cancel(message.data.tasks);
  runner.void(message.data);
  if (message.data.region === unplacedRegion) gate.told();
}

interface Beating {
  readonly bus: Bus;
  readonly runner: Runner;
  readonly pools: readonly Pool[];
  readonly gate: EpochGate;
  readonly clock: Clock;
}

/** A heartbeat tells of now: one that cannot be sent now is not worth sending later. */
async function beat(
  { bus, runner, pools, gate, clock }: Beating,
  { weeId, bootId, region }: WeeOptions,
): Promise<void> {
  const heartbeat: Heartbeat = {
    wee_id: weeId,
    boot_id: bootId,
    region,
    at: clock.now(),
    running: [...runner.runningIds],
    ...(gate.open ? {} : { awaits_epoch: true }),
    pools: pools.map(({ name, counters }) => ({
      pool: name,
      held: counters.held,
      running: counters.running,
      last_taken_queued_at: counters.lastTakenQueuedAt,
    })),
  };
  await bus.broadcast(exchanges.heartbeats, heartbeat).catch(() => undefined);
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
