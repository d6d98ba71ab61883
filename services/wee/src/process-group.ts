import { defaults, type TaskError, type TaskType } from '@tenma/protocol';
import { type Clock, every, fullJitterMs, type Log, reconnectBackoff } from '@tenma/runtime';
import type { HostEvent } from '@tenma/worker/messages';
import { type Attempt, type AttemptRequest, abortOutcome, type Outcome } from './attempt.ts';
import { createSoloLanes } from './solo-lanes.ts';
import { startWorkerProcess, type WorkerProcess } from './worker-process.ts';

export interface ProcessGroupOptions {
  /** Module specifiers of worker packages; every process loads them all. */
  readonly packages: readonly string[];
  readonly processes: number;
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

const sweepMs = 50;

/** Resolves when the first process has loaded its packages. @throws when they do not load */
export async function startProcessGroup(
  { clock, log, random }: { clock: Clock; log: Log; random: () => number },
  { packages, processes, heapMb = 256, abortGraceMs = defaults.abortGraceMs }: ProcessGroupOptions,
): Promise<ProcessGroup> {
  const attempts = new Map<number, Attempt>();
  const members = new Set<WorkerProcess>();
  let parked: Attempt[] = [];
  let lastRunId = 0;
  let failedStarts = 0;
  let closed = false;
  const solo = createSoloLanes({
    lanes: 2,
    packages,
    heapMb,
    log,
    onStart: handedOver,
    onEvent,
    onDeath: (attempt, error) => closed || settle(attempt, deathOutcome(attempt, error)),
    isOpen: (attempt) => attempts.has(attempt.runId),
  });

  function handedOver(attempt: Attempt): void {
    attempt.startedAt = clock.monotonic();
    attempt.aborted = null;
  }

  function settle(attempt: Attempt, outcome: Outcome): void {
    if (attempts.delete(attempt.runId)) attempt.settle(outcome);
  }

  function onEvent(attempt: Attempt, event: HostEvent): void {
    if (event.kind === 'progress') attempt.request.onProgress(event.progress);
    else if (event.kind === 'abort_received') {
      if (attempt.aborted) attempt.aborted.received = true;
    } else if (event.kind === 'succeeded') settle(attempt, { outcome: 'succeeded', output: event.output });
    else if (attempt.aborted)
      settle(attempt, abortOutcome(attempt.aborted.reason, attempt.request.timeoutMs));
    else settle(attempt, { outcome: 'failed', error: event.error });
  }

  /** To the member with the fewest runs, or parked until one is ready. */
  function assign(attempt: Attempt): void {
    if (!attempts.has(attempt.runId)) return;
    attempt.startedAt = null;
    let idlest: WorkerProcess | undefined;
    for (const member of members) if (!idlest || member.running < idlest.running) idlest = member;
    if (!idlest) {
      parked.push(attempt);
      return;
    }
    handedOver(attempt);
    idlest.run({ ...attempt.request.run, run_id: attempt.runId }, (event) => onEvent(attempt, event));
  }

  /**
   * Who pays for a dead process: the attempt it was killed for; else the only one inside; else nobody yet, and all of
   * them run again alone. The others run again at no cost.
   */
  function onGone(runIds: readonly number[], error: TaskError): void {
    if (closed) return;
    const inside = runIds.map((id) => attempts.get(id)).filter((attempt) => attempt !== undefined);
    const culprit =
      inside.find((attempt) => attempt.culprit) ?? (inside.length === 1 ? inside[0] : undefined);
    for (const attempt of inside) {
      if (attempt === culprit) settle(attempt, deathOutcome(attempt, error));
      else if (culprit) assign(attempt);
      else {
        attempt.startedAt = null;
        solo.add(attempt);
      }
    }
  }

  async function addMember(): Promise<readonly TaskType[]> {
    const member = startWorkerProcess(log, {
      packages,
      heapMb,
      onGone(runIds, error) {
        members.delete(member);
        onGone(runIds, error);
        if (!closed) respawn();
      },
    });
    const types = await member.ready;
    failedStarts = 0;
    if (closed) member.kill();
    else members.add(member);
    for (const attempt of parked.splice(0)) assign(attempt);
    return types;
  }

  /** A dead member is replaced at once; one that does not even start, after a growing wait. */
  function respawn(): void {
    const delayMs = failedStarts === 0 ? 0 : fullJitterMs(reconnectBackoff, failedStarts, random);
    failedStarts += 1;
    clock.after(delayMs, () => {
      if (!closed)
        addMember().catch((error: unknown) => log.error({ err: error }, 'a worker process did not start'));
    });
  }

  function abort(attempt: Attempt, reason: 'timeout' | 'cancelled'): void {
    if (attempt.aborted) return;
    if (attempt.startedAt === null) return settle(attempt, abortOutcome(reason, attempt.request.timeoutMs));
    attempt.aborted = { reason, at: clock.monotonic(), received: false };
    memberOf(attempt)?.abort(attempt.runId, reason);
  }

  function memberOf(attempt: Attempt): WorkerProcess | undefined {
    for (const member of members) if (member.has(attempt.runId)) return member;
    return solo.processOf(attempt);
  }

  const sweep = every(clock, sweepMs, () => {
    const now = clock.monotonic();
    for (const attempt of attempts.values()) {
      if (attempt.aborted && now - attempt.aborted.at > abortGraceMs) {
        attempt.culprit = attempt.aborted.received;
        memberOf(attempt)?.kill();
      } else if (attempt.startedAt !== null && now - attempt.startedAt > attempt.request.timeoutMs) {
        abort(attempt, 'timeout');
      }
    }
  });

  const starting = Array.from({ length: processes }, addMember);
  for (const other of starting) other.catch(() => undefined);
  const types = await (starting[0] ?? addMember());
  return {
    types,
    start(request) {
      const runId = ++lastRunId;
      const ended = new Promise<Outcome>((resolve) => {
        const attempt: Attempt = {
          runId,
          request,
          startedAt: null,
          aborted: null,
          culprit: false,
          settle: resolve,
        };
        attempts.set(runId, attempt);
        assign(attempt);
      });
      return { runId, ended };
    },
    cancel(runId) {
      const attempt = attempts.get(runId);
      if (attempt) abort(attempt, 'cancelled');
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      sweep[Symbol.dispose]();
      for (const member of members) member.kill();
      solo.close();
      await Promise.allSettled(starting);
    },
  };
}

/** What the death of its process means for the attempt that caused it. */
function deathOutcome(attempt: Attempt, error: TaskError): Outcome {
  return attempt.aborted
    ? abortOutcome(attempt.aborted.reason, attempt.request.timeoutMs)
    : { outcome: 'failed', error };
}
