import type { Clock } from '@tenma/runtime';

/** How late things were in the last half to whole minute, in milliseconds. Quantiles are exact to a tenth. */
export interface Lag {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface LagWindow {
  note(lagMs: number): void;
  read(): Lag;
}

const halfMs = 30_000;
/** Each bucket ends a tenth above the one before; the last one lies beyond a day. */
const growth = 1.1;
const buckets = 200;

interface Half {
  readonly counts: Uint32Array;
  count: number;
  max: number;
}

export function createLagWindow(clock: Clock): LagWindow {
  let [older, newer] = [emptyHalf(), emptyHalf()];
  let turnAt = clock.monotonic() + halfMs;

  function turn(): void {
    const now = clock.monotonic();
    if (now < turnAt) return;
    older = now < turnAt + halfMs ? newer : emptyHalf();
    newer = emptyHalf();
    turnAt = now + halfMs;
  }

  function quantile(of: number, count: number, max: number): number {
    let left = Math.ceil(of * count);
    for (let bucket = 0; bucket < buckets; bucket += 1) {
      left -= (older.counts[bucket] ?? 0) + (newer.counts[bucket] ?? 0);
      if (left <= 0) return Math.min(max, growth ** bucket);
    }
    return max;
  }

  return {
    note(lagMs) {
      turn();
      const lag = Math.max(0, lagMs);
      const bucket = lag <= 1 ? 0 : Math.min(buckets - 1, Math.ceil(Math.log(lag) / Math.log(growth)));
      newer.counts[bucket] = (newer.counts[bucket] ?? 0) + 1;
      newer.count += 1;
      newer.max = Math.max(newer.max, lag);
    },
    read() {
      turn();
      const count = older.count + newer.count;
      const max = Math.max(older.max, newer.max);
      return { count, max, p50: quantile(0.5, count, max), p99: quantile(0.99, count, max) };
    },
  };
}

function emptyHalf(): Half {
  return { counts: new Uint32Array(buckets), count: 0, max: 0 };
}
