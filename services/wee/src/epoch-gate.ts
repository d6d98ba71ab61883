import type { Bus } from '@tenma/bus';
import { type Clock, every, type Log } from '@tenma/runtime';

/**
 * Shut while the WEE may have missed that `active` has moved: from its start, and from every loss of the broker, until
 * LE has told it where the epoch stands.
 */
export interface EpochGate extends Disposable {
  readonly open: boolean;
  /** Resolves while it is open, or as soon as it is. */
  opened(): Promise<void>;
  /** Begins to ask: to be called once the answer can be heard. */
  watch(ask: () => void): void;
  /** LE has told all. */
  told(): void;
}

interface Components {
  readonly bus: Pick<Bus, 'status' | 'onStatus'>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * After this it opens untold, because workers go on working without LE. One that lives answers within milliseconds; two
 * seconds are for one that is busy, and for a subscription that is restored a moment after the connection.
 */
export const untoldMs = 2_000;
const askAgainMs = 250;

/** Disposing opens it for good. */
export function createEpochGate({ bus, clock, log }: Components): EpochGate {
  let open = false;
  let reached = false;
  let parts: Disposable[] = [];
  let status: Disposable | undefined;
  const waiting = new Set<() => void>();

  function rest(): void {
    for (const part of parts) part[Symbol.dispose]();
    parts = [];
  }

  function unlock(): void {
    rest();
    open = true;
    for (const resolve of waiting) resolve();
    waiting.clear();
  }

  function begin(ask: () => void): void {
    const untold = () => {
      log.warn('no LE has told where the epoch stands: tasks are started all the same');
      unlock();
    };
    parts = [clock.after(untoldMs, untold), every(clock, askAgainMs, ask)];
    ask();
  }

  return {
    get open() {
      return open;
    },
    opened: () => (open ? Promise.resolve() : new Promise((resolve) => waiting.add(resolve))),
    watch(ask) {
      const look = (now: Bus['status']) => {
        // A broker that refuses messages for a while has lost none.
        if (now === 'blocked' || reached === (now === 'connected')) return;
        reached = !reached;
        open = false;
        rest();
        if (reached) begin(ask);
      };
      status = bus.onStatus(look);
      look(bus.status);
    },
    told() {
      // What is heard in between may be older than the loss.
      if (reached && !open) unlock();
    },
    [Symbol.dispose]() {
      status?.[Symbol.dispose]();
      unlock();
    },
  };
}
