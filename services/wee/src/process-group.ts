import { defaults, type TaskError, type TaskType } from '@tenma/protocol';
import { type Clock, every, fullJitterMs, type Log, reconnectBackoff } from '@tenma/runtime';
import type { HostEvent } from '@tenma/worker/messages';
import { type Attempt, type AttemptRequest, abortOutcome, type Outcome } from './attempt.ts';
import { createSoloLanes, type SoloLanes } from './solo-lanes.ts';
import { startWorkerProcess, type WorkerProcess } from './worker-process.ts';

export interface ProcessGroupOptions {
  /** Module specifiers of worker packages; every process loads them all. */
  readonly packages: readonly string[];
  readonly processes: number;
  /** What the processes see of the environment. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Heap of each process in MiB. Default 256. */
  readonly heapMb?: number;
  readonly abortGraceMs?: number;
}

/** Worker processes that share the attempts given to them, and heal when one dies. */
export interface ProcessGroup extends AsyncDisposable {
  readonly types: readonly TaskType[];
  /** Runs one attempt to its end; never rejects. */
  start(request: AttemptRequest): { runId: number; ended: Promise<Outcome> };
  cancel(runId: number): void;
}

interface Components {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
}

const sweepMs = 50;
const soloLanes = 2;

/** Resolves when the first process has loaded its packages. @throws when they do not load */
export async function startProcessGroup(
  components: Components,
  { processes, heapMb = 256, abortGraceMs = defaults.abortGraceMs, ...rest }: ProcessGroupOptions,
): Promise<ProcessGroup> {
  const group = new HealingGroup(components, { ...rest, heapMb, abortGraceMs });
  try {
    await group.populate(processes);
    return group;
  } catch (error) {
    await group[Symbol.asyncDispose]();
    throw error;
  }
}

type GroupOptions = Required<Omit<ProcessGroupOptions, 'processes'>>;

class HealingGroup implements ProcessGroup {
  readonly #components: Components;
  readonly #options: GroupOptions;
  readonly #attempts = new Map<number, Attempt>();
  readonly #members = new Set<WorkerProcess>();
  readonly #starting = new Set<WorkerProcess>();
  readonly #solo: SoloLanes;
  readonly #sweep: Disposable;
  /** Attempts that wait for a process to be ready. */
  #parked: Attempt[] = [];
  #lastRunId = 0;
  #failedStarts = 0;
  #closed = false;
  types: readonly TaskType[] = [];

  constructor(components: Components, options: GroupOptions) {
    this.#components = components;
    this.#options = options;
    this.#solo = createSoloLanes({
      ...options,
      lanes: soloLanes,
      log: components.log,
      onStart: (attempt) => this.#handedOver(attempt),
      onEvent: (attempt, event) => this.#onEvent(attempt, event),
      onDeath: (attempt, error) => this.#closed || this.#settle(attempt, deathOutcome(attempt, error)),
      isOpen: (attempt) => this.#attempts.has(attempt.runId),
    });
    this.#sweep = every(components.clock, sweepMs, () => this.#judgeTimes());
  }

  async populate(processes: number): Promise<void> {
    const [first, ...others] = Array.from({ length: processes }, () => this.#addMember());
    for (const other of others) other.catch(() => undefined);
    this.types = (await first) ?? [];
  }

  start(request: AttemptRequest): { runId: number; ended: Promise<Outcome> } {
    const runId = ++this.#lastRunId;
    const ended = new Promise<Outcome>((settle) => {
      const attempt: Attempt = {
        runId,
        request,
        begun: false,
        startedAt: null,
        aborted: null,
        culprit: false,
        settle,
      };
      this.#attempts.set(runId, attempt);
      this.#assign(attempt);
    });
    return { runId, ended };
  }

  cancel(runId: number): void {
    const attempt = this.#attempts.get(runId);
    if (attempt) this.#abort(attempt, 'cancelled');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#sweep[Symbol.dispose]();
    for (const member of [...this.#members, ...this.#starting]) member.kill();
    this.#solo.close();
  }

  async #addMember(): Promise<readonly TaskType[]> {
    const member = this.#startProcess();
    this.#starting.add(member);
    const types = await member.ready;
    this.#failedStarts = 0;
    this.#starting.delete(member);
    if (this.#closed) member.kill();
    else this.#members.add(member);
    for (const attempt of this.#parked.splice(0)) this.#assign(attempt);
    return types;
  }

  #startProcess(): WorkerProcess {
    try {
      const member = startWorkerProcess(this.#components.log, {
        ...this.#options,
        onGone: (runIds, error) => {
          this.#members.delete(member);
          this.#starting.delete(member);
          if (this.#closed) return;
          this.#onGone(runIds, error);
          this.#replace();
        },
      });
      return member;
    } catch (error) {
      // The system has no process to give; later it may.
      if (!this.#closed) this.#replace();
      throw error;
    }
  }

  /** A dead member is replaced at once; one that does not even start, after a growing wait. */
  #replace(): void {
    const { clock, log, random } = this.#components;
    const delayMs = this.#failedStarts === 0 ? 0 : fullJitterMs(reconnectBackoff, this.#failedStarts, random);
    this.#failedStarts += 1;
    clock.after(delayMs, () => {
      if (this.#closed) return;
      this.#addMember().catch((error: unknown) =>
        log.error({ err: error }, 'a worker process did not start'),
      );
    });
  }

  /** To the member with the fewest runs, or parked until one is ready. */
  #assign(attempt: Attempt): void {
    if (!this.#attempts.has(attempt.runId)) return;
    attempt.startedAt = null;
    let idlest: WorkerProcess | undefined;
    for (const member of this.#members) if (!idlest || member.running < idlest.running) idlest = member;
    if (!idlest) {
      this.#parked.push(attempt);
      return;
    }
    this.#handedOver(attempt);
    idlest.run({ ...attempt.request.run, run_id: attempt.runId }, (event) => this.#onEvent(attempt, event));
  }

  #handedOver(attempt: Attempt): void {
    attempt.startedAt = this.#components.clock.monotonic();
    attempt.aborted = null;
    if (attempt.begun) attempt.request.onRestart();
    attempt.begun = true;
  }

  #onEvent(attempt: Attempt, event: HostEvent): void {
    switch (event.kind) {
      case 'progress':
        attempt.request.onProgress(event.progress);
        break;
      case 'abort_received':
        if (attempt.aborted) attempt.aborted.received = true;
        break;
      case 'succeeded':
        this.#settle(attempt, { outcome: 'succeeded', output: event.output });
        break;
      case 'failed':
        this.#settle(
          attempt,
          attempt.aborted
            ? abortOutcome(attempt.aborted.reason, attempt.request.timeoutMs)
            : { outcome: 'failed', error: event.error },
        );
    }
  }

  #settle(attempt: Attempt, outcome: Outcome): void {
    if (this.#attempts.delete(attempt.runId)) attempt.settle(outcome);
  }

  /**
   * Who pays for a dead process: the attempt it was killed for; else the only one inside; else nobody yet, and all of
   * them run again alone. The others run again at no cost. Whoever was being cancelled is.
   */
  #onGone(runIds: readonly number[], error: TaskError): void {
    const inside = runIds.map((id) => this.#attempts.get(id)).filter((attempt) => attempt !== undefined);
    const culprit = inside.find(({ culprit }) => culprit) ?? (inside.length === 1 ? inside[0] : undefined);
    for (const attempt of inside) {
      if (attempt === culprit || attempt.aborted?.reason === 'cancelled') {
        this.#settle(attempt, deathOutcome(attempt, error));
      } else if (culprit) this.#assign(attempt);
      else {
        attempt.startedAt = null;
        this.#solo.add(attempt);
      }
    }
  }

  #abort(attempt: Attempt, reason: 'timeout' | 'cancelled'): void {
    if (attempt.aborted) return;
    if (attempt.startedAt === null) {
      this.#settle(attempt, abortOutcome(reason, attempt.request.timeoutMs));
      return;
    }
    attempt.aborted = { reason, at: this.#components.clock.monotonic(), received: false };
    this.#processOf(attempt)?.abort(attempt.runId, reason);
  }

  #processOf(attempt: Attempt): WorkerProcess | undefined {
    for (const member of this.#members) if (member.has(attempt.runId)) return member;
    return this.#solo.processOf(attempt);
  }

  /**
   * Aborts attempts that are over their time, and kills the process of one that has not ended after its abort. Only an
   * attempt whose process has confirmed the abort is to blame: in a blocked process anybody may be.
   */
  #judgeTimes(): void {
    const now = this.#components.clock.monotonic();
    for (const attempt of this.#attempts.values()) {
      const { aborted, startedAt, request } = attempt;
      if (aborted && now - aborted.at > this.#options.abortGraceMs) {
        attempt.culprit = aborted.received;
        this.#processOf(attempt)?.kill();
      } else if (startedAt !== null && now - startedAt > request.timeoutMs) this.#abort(attempt, 'timeout');
    }
  }
}

/** What the death of its process means for the attempt that caused it. */
function deathOutcome(attempt: Attempt, error: TaskError): Outcome {
  return attempt.aborted
    ? abortOutcome(attempt.aborted.reason, attempt.request.timeoutMs)
    : { outcome: 'failed', error };
}
