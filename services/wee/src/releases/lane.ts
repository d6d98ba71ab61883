import type { Clock, Log } from '@tenma/runtime';
import type { WorkerVersion } from '@tenma/worker/messages';
import type { AttemptRequest, Outcome, WorkerGroup } from '../processes/interfaces.ts';
import type { VersionedRequest } from './interfaces.ts';

/** `ms`: from its last start in a process to its end. */
export interface LaneAttempt {
  readonly ended: Promise<{ readonly outcome: Outcome; readonly ms: number }>;
  cancel(): void;
}

/** One version of a worker with the group that runs it, from its first process to the last attempt it was given. */
export interface Lane extends AsyncDisposable {
  readonly worker: WorkerVersion;
  readonly version: string;
  readonly group: WorkerGroup;
  readonly state: 'closed' | 'opening' | 'ready' | 'faulty';
  /** It could not be started when that was last tried, and is perhaps being tried again. */
  readonly faulty: boolean;
  /** It has never been given or asked anything. */
  readonly unused: boolean;
  /** It counts as ready by {@link assume} alone. */
  readonly assumed: boolean;
  readonly retired: boolean;
  /** Makes the group ready, again where that has failed before. */
  open(): void;
  /** It counts as ready though no process runs: its package has been inspected, and nothing better is there. */
  assume(): void;
  run(
    request: Pick<VersionedRequest, 'run' | 'slots' | 'timeoutMs' | 'onProgress' | 'onRestart'>,
  ): LaneAttempt;
  /** Something is asked of the group, which is to live until it has answered. */
  during<T>(answer: Promise<T>): Promise<T>;
  /** It ends when nothing runs in it any more; {@link keep} before that takes it back. */
  retire(): void;
  keep(): void;
}

interface Components {
  readonly clock: Clock;
  readonly log: Log;
  readonly group: WorkerGroup;
  readonly onReady: () => void;
  readonly onFault: (reason: string) => void;
  /** It has been retired, is empty, and is being disposed of. */
  readonly onGone: () => void;
}

/** What is held for a pool that goes is started one after the other, with moments between. */
const lingerMs = 1_000;
const readyPatienceMs = 60_000;

export function createLane(components: Components): Lane {
  return new GroupLane(components);
}

class GroupLane implements Lane {
  readonly #components: Components;
  #busy = 0;
  #gone = false;
  #lingering: Disposable | null = null;
  #patience: Disposable | null = null;
  state: Lane['state'] = 'closed';
  faulty = false;
  unused = true;
  assumed = false;
  retired = false;

  constructor(components: Components) {
    this.#components = components;
  }

  get group(): WorkerGroup {
    return this.#components.group;
  }

  get worker(): WorkerVersion {
    return this.group.worker;
  }

  get version(): string {
    return this.worker.type.version;
  }

  assume(): void {
    this.state = 'ready';
    this.assumed = true;
  }

  open(): void {
    const { clock, onReady, onFault } = this.#components;
    this.state = 'opening';
    this.assumed = false;
    let over = false;
    const end = (fault: string | null) => {
      if (over || this.#gone) return;
      over = true;
      patience[Symbol.dispose]();
      this.state = fault === null ? 'ready' : 'faulty';
      this.faulty = fault !== null;
      this.assumed = false;
      if (fault === null) onReady();
      else onFault(fault);
    };
    const patience = (this.#patience = clock.after(readyPatienceMs, () =>
      end(`not ready within ${readyPatienceMs / 1_000} s`),
    ));
    this.group.ready().then(
      () => end(null),
      (error: unknown) => end(error instanceof Error ? error.message : String(error)),
    );
  }

  run({ run, slots, timeoutMs, onProgress, onRestart }: Parameters<Lane['run']>[0]): LaneAttempt {
    const { clock, group } = this.#components;
    let startedAt = clock.monotonic();
    const request: AttemptRequest = {
      run: { ...run, version: this.version },
      slots,
      timeoutMs,
      onProgress,
      onRestart: () => {
        startedAt = clock.monotonic();
        onRestart();
      },
    };
    const attempt = group.start(request);
    const ended = attempt.ended.then((outcome) => {
      this.#examine(outcome);
      return { outcome, ms: clock.monotonic() - startedAt };
    });
    return { ended: this.during(ended), cancel: () => attempt.cancel() };
  }

  async during<T>(answer: Promise<T>): Promise<T> {
    this.unused = false;
    this.#busy += 1;
    this.#stay();
    try {
      return await answer;
    } finally {
      this.#busy -= 1;
      if (this.retired) this.#linger();
    }
  }

  retire(): void {
    if (this.retired) return;
    this.retired = true;
    this.#linger();
  }

  keep(): void {
    this.retired = false;
    this.#stay();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#gone = true;
    this.#patience?.[Symbol.dispose]();
    this.#stay();
    await this.group[Symbol.asyncDispose]();
  }

  /** Whether the only process of a version has died, or none can be started any more: the group tells when asked. */
  #examine(outcome: Outcome): void {
    if (outcome.outcome !== 'failed' || outcome.error.code !== 'worker_crashed') return;
    const isEmpty = this.state === 'ready' && this.group.processes === 0;
    if (isEmpty && !this.retired && !this.#gone) this.open();
  }

  #stay(): void {
    this.#lingering?.[Symbol.dispose]();
    this.#lingering = null;
  }

  #linger(): void {
    if (this.#busy > 0 || this.#gone) return;
    this.#stay();
    this.#lingering = this.#components.clock.after(lingerMs, () => {
      this.#components.onGone();
      this[Symbol.asyncDispose]().catch((error: unknown) =>
        this.#components.log.error({ err: error, version: this.version }, 'a group of processes did not end'),
      );
    });
  }
}
