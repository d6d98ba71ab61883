import type { Json, TaskError } from '@tenma/protocol';
import type { HostEvent, OutputFile, Run, WorkerVersion } from '@tenma/worker/messages';

/** How an attempt ended. `refused`: its input does not fit the schema of the version; nothing has run. */
export type Outcome =
  | { outcome: 'succeeded'; output: Json }
  | { outcome: 'succeeded'; file: OutputFile }
  | { outcome: 'failed'; error: TaskError; refused?: true }
  | { outcome: 'cancelled' };

export interface AttemptRequest {
  readonly run: Omit<Run, 'run_id'>;
  /** Of a process, for as long as it runs: 1 to `slotsOfProcess`. */
  readonly slots: number;
  readonly timeoutMs: number;
  readonly onProgress: (progress: Json) => void;
  /** It is handed to another process after the first has died. */
  readonly onRestart: () => void;
}

/** An attempt that was handed over; `ended` never rejects, and stays open when the group is closed before. */
export interface StartedAttempt {
  readonly ended: Promise<Outcome>;
  cancel(): void;
}

/** A process, or a thread, that runs attempts of workers it has loaded. */
export interface Member {
  /** For logs: the process id, or the number of the thread. */
  readonly name: string;
  /** Runs handed over and not ended. */
  readonly running: number;
  has(runId: number): boolean;
  run(run: Run, onEvent: (event: HostEvent) => void): void;
  abort(runId: number, reason: 'timeout' | 'cancelled'): void;
  /** @throws WorkerThrew when the worker throws; another Error when the member dies first */
  estimate(worker: WorkerVersion, input: Json): Promise<number>;
  /** @throws like `estimate` */
  compare(worker: WorkerVersion, before: Json, after: Json): Promise<boolean>;
  /** At once, whatever runs inside. */
  kill(): void;
  /** Resolves when it is gone, with the runs that were inside it and why it went. Never rejects. */
  readonly gone: Promise<{ readonly runIds: readonly number[]; readonly error: TaskError }>;
}

/**
 * Processes and threads in reserve, so that a pool that grows, begins or heals has one soon: it need only load its
 * package. They have loaded none before, so that no package can harm the processes of another. Where a stock is empty
 * one is started.
 */
export interface Spares extends AsyncDisposable {
  /** Loads one package in a process of its own and tells what is in it. @throws Error when it does not load */
  inspect(specifier: string): Promise<readonly WorkerVersion[]>;
  /** A member that has loaded the package of this worker and no other. @throws Error when it does not load */
  take(worker: WorkerVersion): Promise<Member>;
}

/** The processes that run one version of one task type: as many as its attempts need, within bounds. */
export interface WorkerGroup extends AsyncDisposable {
  readonly worker: WorkerVersion;
  /** Ready to run attempts. */
  readonly processes: number;
  /** Attempts, and the slots they take. */
  readonly running: number;
  readonly busy: number;
  /** Resolves when a process is ready; starts one if there is none. @throws Error when the package does not load */
  ready(): Promise<void>;
  /** Hands an attempt to the process with most room; it waits for one where there is none. */
  start(request: AttemptRequest): StartedAttempt;
  /**
   * Slots that an attempt takes; a worker that throws, or is silent for a second, takes all of a process. After a
   * silence it is not asked for ten seconds, or until it has answered after all.
   */
  estimate(input: Json): Promise<number>;
  /** False when the worker throws. Null when nobody could say: no process, one that died, or ten seconds of silence. */
  compare(before: Json, after: Json): Promise<boolean | null>;
}

export interface GroupOptions {
  /** Processes that stand ready even when nothing is to do. */
  readonly min: number;
  readonly max: number;
}
