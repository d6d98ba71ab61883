import type { Clock } from '@tenma/runtime';
import { ResultsUnavailableError } from './results.ts';
import { within } from './within.ts';

/** How long an announcement waits for its acknowledgement. */
export const defaultTimeoutMs = 5_000;
/** How long an adapter that closes waits for the announcements under way. */
export const finishMs = 1_000;
/** How late a timeout may be noticed: one timer looks after all announcements. */
const sweepMs = 100;

/**
 * The announcements that are under way. At most `window` of them are with the broker, the others wait for a place, first
 * come first served; the timeout counts from the call.
 */
export interface Outstanding {
  /**
   * Calls `start` as soon as there is a place; the promise settles when `start`'s argument is called.
   * @throws ResultsUnavailableError after `timeoutMs`, or when all are failed
   */
  run(timeoutMs: number, start: (settle: (error?: Error) => void) => void): Promise<void>;
  /** Rejects everything that is under way or waits. */
  failAll(error: Error): void;
  /** Gives what is under way so long to settle, then rejects the rest. */
  finish(graceMs: number): Promise<void>;
  setWindow(window: number): void;
}

interface Entry {
  /** Infinity once it was rejected for being late. */
  deadline: number;
  readonly start: (settle: (error?: Error) => void) => void;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export function createOutstanding({ clock }: { clock: Clock }, options: { window: number }): Outstanding {
  let { window } = options;
  /** With the broker. One that timed out keeps its place: the broker still counts it as being in flight. */
  const sent = new Set<Entry>();
  const waiting = new Set<Entry>();
  const watch = createWatch(clock, waiting, sent);
  let idleWaiters: (() => void)[] = [];

  function advance(): void {
    for (const entry of waiting) {
      if (sent.size >= window) return;
      waiting.delete(entry);
      send(entry);
    }
    if (sent.size > 0) return;
    for (const resolve of idleWaiters) resolve();
    idleWaiters = [];
  }

  function send(entry: Entry): void {
    sent.add(entry);
    entry.start((error) => {
      if (!sent.delete(entry)) return;
      if (error) entry.reject(error);
      else entry.resolve();
      if (waiting.size > 0 || sent.size === 0) advance();
    });
  }

  function failAll(error: Error): void {
    const all = [...sent, ...waiting];
    sent.clear();
    waiting.clear();
    for (const entry of all) entry.reject(error);
    advance();
  }

  return {
    run(timeoutMs, start) {
      return new Promise((resolve, reject) => {
        const entry = { deadline: clock.monotonic() + timeoutMs, start, resolve, reject };
        if (sent.size < window && waiting.size === 0) send(entry);
        else waiting.add(entry);
        watch();
      });
    },
    failAll,
    async finish(graceMs) {
      if ([...sent, ...waiting].some(({ deadline }) => deadline < Infinity)) {
        await within(clock, graceMs, new Promise<void>((resolve) => idleWaiters.push(resolve)));
      }
      failAll(new ResultsUnavailableError('closed'));
    },
    setWindow(next) {
      window = next;
      advance();
    },
  };
}

/**
 * Rejects those whose time is up and takes them out of `waiting`, every {@link sweepMs} from a call of the returned
 * function on, for as long as there are any.
 */
function createWatch(clock: Clock, waiting: Set<Entry>, sent: ReadonlySet<Entry>): () => void {
  let armed = false;

  function sweep(): void {
    armed = false;
    const now = clock.monotonic();
    for (const entry of [...waiting, ...sent]) {
      if (entry.deadline > now) continue;
      entry.deadline = Infinity;
      waiting.delete(entry);
      entry.reject(new ResultsUnavailableError('the MQTT broker did not acknowledge in time'));
    }
    if (waiting.size + sent.size > 0) arm();
  }

  function arm(): void {
    if (armed) return;
    armed = true;
    clock.after(sweepMs, sweep);
  }

  return arm;
}
