import { randomFillSync } from 'node:crypto';
import type { Bus } from '@tenma/bus';
import {
  controlMessageSchema,
  createUuidV7,
  defaults,
  exchanges,
  queues,
  unplacedRegion,
} from '@tenma/protocol';
import type { Results } from '@tenma/results';
import { type Clock, every, type Log, sleep } from '@tenma/runtime';
import type { OutputFile } from '@tenma/worker/messages';
import { createAnnouncer } from './announcer.ts';
import { createAttemptReport } from './attempt-report.ts';
import { uploadOutput } from './blobs/upload-output.ts';
import { type EchoOptions, startEcho } from './echo/responder.ts';
import { createEpochGate, type EpochGate, untoldMs } from './epoch-gate.ts';
import { createJournal } from './journal.ts';
import { openRoster, type RosterOptions } from './open-roster.ts';
import { openOwnQueue, type OwnQueue } from './pools/own-queue.ts';
import { createPoolSet, type PoolSet } from './pools/pool-set.ts';
import type { WeeIdentity } from './presence.ts';
import type { Roster } from './releases/interfaces.ts';
import { createRunner, type Runner } from './runner.ts';
import { createVoice, type Voice } from './voice.ts';

export interface WeeOptions extends WeeIdentity, RosterOptions {
  readonly labels?: readonly string[];
  /** Slots that the attempts of a pool take at once, at most. Default: all of its processes. */
  readonly slots?: number | undefined;
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
 * and journals what came of them. It begins when it knows where the epoch stands, and which versions are trusted.
 * Disposing drains: nothing new is taken, what runs may finish, the rest goes back.
 * @throws when the worker packages do not load
 */
export async function startWee(components: Components, options: WeeOptions): Promise<AsyncDisposable> {
  const { bus, results, clock, log } = components;
  await using parts = new AsyncDisposableStack();
  const announcer = createAnnouncer(components, options);
  parts.defer(() => announcer.goodbye());
  const echo = options.echo ? parts.use(await startEcho(components, options.echo)).address : null;
  const roster = parts.use(await openRoster(components, options));
  for (const queue of [queues.journal, queues.blobs]) await bus.declareQueue(queue, { kind: 'durable' });

  const closing = new AbortController();
  const journal = createJournal(components, options.weeId, closing.signal);
  const gate = createEpochGate(components);
  const newId = createUuidV7(() => clock.now(), randomFillSync);
  const keepOutput = (file: OutputFile, taskId: string) =>
    uploadOutput({ ...components, newId }, file, { taskId, signal: closing.signal });
  const report = createAttemptReport(
    { journal, announcer, keepOutput, closing: closing.signal, clock },
    options,
  );
  const runner = createRunner({ report, gate, clock, region: options.region });
  const run: Runner['run'] = (assignment, pool) => runner.run(assignment, pool);
  const pools = parts.use(createPoolSet({ ...components, roster }, { labels: [], ...options, run }));
  parts.use(await bus.subscribe(exchanges.control, (body) => hear(body, { runner, gate, roster })));

  const voice = createVoice({ bus, clock, announcer, pools, roster, runner, gate, echo }, options);
  const timers = [
    results.onStatus((now) => void (now === 'connected' && voice.speak())),
    every(clock, defaults.heartbeatMs, () => voice.tell()),
    every(clock, 100, () => runner.tellStarted()),
    every(clock, 500, () => pools.pace(500)),
    gate,
  ];
  parts.defer(() => timers.forEach((timer) => timer[Symbol.dispose]()));
  // It takes none before: what stands in its queues may be void, and what is not another WEE can take meanwhile.
  gate.watch(() => void voice.beat());
  await voice.speak();
  await Promise.race([gate.opened(), sleep(clock, untoldMs)]);
  timers.push(
    roster.onChange(
      () =>
        void pools.follow().then(
          () => voice.tell(),
          () => undefined,
        ),
    ),
  );
  await pools.follow();
  const refuse: Runner['refuse'] = (assignment) => runner.refuse(assignment);
  const own = await openOwnQueue(components, { ...options, pools: () => pools.open, run, refuse });
  parts.defer(() => own.close());
  voice.status = 'online';
  await voice.tell();
  log.info({ weeId: options.weeId, pools: pools.open.map((pool) => pool.name) }, 'taking tasks');

  const opened = parts.move();
  return {
    async [Symbol.asyncDispose]() {
      await drain({ ...components, voice, pools, own, runner, gate }, options.drainMs ?? 30_000);
      await Promise.race([journal.idle(), sleep(clock, 5_000)]);
      closing.abort(new Error('WEE stops'));
      await opened.disposeAsync();
    },
  };
}

interface Hearing {
  readonly runner: Runner;
  readonly gate: EpochGate;
  readonly roster: Roster;
}

function hear(body: unknown, { runner, gate, roster }: Hearing): void {
  const message = controlMessageSchema.safeParse(body);
  if (!message.success) return;
  switch (message.data.kind) {
    case 'cancel':
      return runner.cancel(message.data.tasks);
    case 'release':
      return roster.follow(message.data.releases);
    case 'void':
      runner.void(message.data);
      if (message.data.region === unplacedRegion) gate.told();
  }
}

interface Draining {
  readonly clock: Clock;
  readonly log: Log;
  readonly voice: Voice;
  readonly pools: PoolSet;
  readonly own: OwnQueue;
  readonly runner: Runner;
  readonly gate: EpochGate;
}

/** Resolves when nothing runs and nothing is held, or when the patience is over. */
async function drain(
  { clock, log, voice, pools, own, runner, gate }: Draining,
  patienceMs: number,
): Promise<void> {
  log.info({ running: runner.runningIds.length }, 'draining: takes nothing new, finishes what runs');
  voice.status = 'draining';
  await voice.speak();
  await Promise.all([pools.cancel(), own.cancel()]);
  runner.stopStarting();
  gate[Symbol.dispose]();
  const until = clock.monotonic() + patienceMs;
  while (pools.busy && clock.monotonic() < until) await sleep(clock, 20);
  log.info({ given_back: runner.runningIds.length }, 'drained');
}
