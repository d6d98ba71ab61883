import type { Load } from '@tenma/fleet';

/** Slots that this IC has sent to pools and WEEs, as far as they have not told of them yet. */
export interface InFlight {
  /** What has been sent and can hardly have ended, at the pace that `load` tells of. */
  slots(key: string, load: Load): number;
  add(key: string, load: Load, slots: number): void;
  /** A WEE spoke that has this share of the slots: what went to it shows in its words from now on. */
  told(key: string, share: number): void;
  /** Drops what nothing was sent to for so long: most of it is of WEEs that are gone. */
  forget(idleMs: number): void;
}

/** Attempts that are said to take less are counted as if they took this: nothing ends in no time. */
const shortestMs = 0.1;

/** `now`: milliseconds that never go back. */
export function createInFlight(now: () => number): InFlight {
  const sent = new Map<string, { readonly slots: number; readonly at: number }>();

  function slots(key: string, load: Load): number {
    const known = sent.get(key);
    if (!known) return 0;
    const ended = ((now() - known.at) * load.slots) / Math.max(shortestMs, load.meanMs);
    return Math.max(0, known.slots - ended);
  }

  return {
    slots,
    add: (key, load, more) => void sent.set(key, { slots: slots(key, load) + more, at: now() }),
    told(key, share) {
      const known = sent.get(key);
      if (!known) return;
      const left = known.slots * (1 - share);
      if (left < 1) sent.delete(key);
      else sent.set(key, { slots: left, at: known.at });
    },
    forget(idleMs) {
      for (const [key, { at }] of sent) if (now() - at > idleMs) sent.delete(key);
    },
  };
}
