import { isTerminal } from '@tenma/protocol';
import type { Clock } from '@tenma/runtime';
import { type Store, StoreUnavailableError, type TaskRecord } from '@tenma/store';
import type { TaskWatch } from '../watch.ts';

interface Components {
  readonly store: Store;
  readonly watch: TaskWatch;
  readonly clock: Clock;
  readonly closing: AbortSignal;
}

/** What a replica tells another can be lost: the store is asked this often even when nobody says anything. */
const rereadMs = 5_000;

/**
 * The task once it has ended, or as it is after `waitMs` or when the app closes; null when there is none. Listens before
 * it reads, so that an end in between is not missed.
 * @throws StoreUnavailableError when the store is still away at the end of the wait
 */
export async function waitForEnd(
  { store, watch, clock, closing }: Components,
  taskId: string,
  waitMs: number,
): Promise<TaskRecord | null> {
  if (waitMs <= 0) return store.get(taskId);
  const until = clock.monotonic() + waitMs;
  const bell = createBell(clock);
  using listening = new DisposableStack();
  listening.use(
    watch.on(taskId, (control) => {
      // Without a control another replica changed it: whether it ended is in the store.
      if (!control || isTerminal(control.life.state)) bell.ring();
    }),
  );
  closing.addEventListener('abort', bell.ring);
  listening.defer(() => closing.removeEventListener('abort', bell.ring));
  for (;;) {
    const read = await store.get(taskId).then(
      (record) => ({ record }),
      (error: unknown) => ({ error }),
    );
    const leftMs = until - clock.monotonic();
    const over = leftMs <= 0 || closing.aborted;
    if ('error' in read) {
      if (over || !(read.error instanceof StoreUnavailableError)) throw read.error;
    } else if (over || !read.record || isTerminal(read.record.life.state)) {
      return read.record;
    }
    await bell.heard(Math.min(leftMs, rereadMs));
  }
}

interface Bell {
  readonly ring: () => void;
  /** Resolves when it is rung, or has been since it was heard last, or after `patienceMs`. */
  heard(patienceMs: number): Promise<void>;
}

function createBell(clock: Clock): Bell {
  let rung = false;
  let wake = () => {};
  return {
    ring() {
      rung = true;
      wake();
    },
    async heard(patienceMs) {
      if (!rung) {
        await new Promise<void>((resolve) => {
          const timer = clock.after(patienceMs, resolve);
          wake = () => {
            timer[Symbol.dispose]();
            resolve();
          };
        });
      }
      rung = false;
    },
  };
}
