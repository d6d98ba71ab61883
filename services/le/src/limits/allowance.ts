import type { RateLimit } from '@tenma/protocol';

/** Tokens that a bucket holds at most: one second's, but never so many that they would flood a pool. */
const burstMax = 5_000;

/**
 * What one key or one type may have: starts in a second (a token bucket) and tasks out at once. Times are monotonic
 * milliseconds.
 */
export class Allowance {
  #limit: RateLimit;
  #tokens = 0;
  #refilledAt: number;
  #usedAt: number;
  readonly #out = new Set<string>();
  #reserved = 0;

  /** The bucket is empty at `since`. */
  constructor(limit: RateLimit, since: number, now: number) {
    this.#limit = limit;
    this.#refilledAt = since;
    this.#usedAt = now;
  }

  get limit(): RateLimit {
    return this.#limit;
  }

  get out(): number {
    return this.#out.size;
  }

  change(limit: RateLimit, now: number): void {
    this.#refill(now);
    this.#usedAt = now;
    if (limit.per_s === this.#limit.per_s && limit.concurrent === this.#limit.concurrent) return;
    // Who had no rate before has a full bucket.
    const tokens = this.#limit.per_s === undefined ? Infinity : this.#tokens;
    this.#limit = limit;
    this.#tokens = Math.min(tokens, this.#burst);
  }

  /** How many may be sent now; Infinity when nothing is limited. */
  free(now: number): number {
    this.#refill(now);
    const { per_s, concurrent } = this.#limit;
    const slots = concurrent === undefined ? Infinity : concurrent - this.#out.size - this.#reserved;
    return Math.max(
      0,
      Math.min(slots, per_s === undefined ? Infinity : Math.floor(this.#tokens - this.#reserved)),
    );
  }

  /** Milliseconds until there is a token; 0 when there is one, or no rate. */
  tokenInMs(now: number): number {
    this.#refill(now);
    const { per_s } = this.#limit;
    if (per_s === undefined || this.#tokens >= 1) return 0;
    return Math.max(1, Math.ceil(((1 - this.#tokens) / per_s) * 1_000));
  }

  /** Sets room aside for tasks that are about to be taken; a negative count gives it back. */
  reserve(count: number): void {
    this.#reserved += count;
  }

  /** The task is out and has used a token. */
  take(taskId: string, now: number): void {
    this.#refill(now);
    this.#tokens -= 1;
    this.hold(taskId, now);
  }

  /** The task is out, and was so before. */
  hold(taskId: string, now: number): void {
    this.#usedAt = now;
    this.#out.add(taskId);
  }

  release(taskId: string): void {
    this.#out.delete(taskId);
  }

  releaseAll(): void {
    this.#out.clear();
  }

  /** A new one would be the same as this. */
  idle(now: number, idleMs: number): boolean {
    this.#refill(now);
    const full = this.#limit.per_s === undefined || this.#tokens >= this.#burst;
    return this.#out.size === 0 && this.#reserved === 0 && full && now - this.#usedAt >= idleMs;
  }

  get #burst(): number {
    return Math.min(burstMax, Math.max(1, this.#limit.per_s ?? 1));
  }

  #refill(now: number): void {
    const { per_s = 0 } = this.#limit;
    this.#tokens = Math.min(
      this.#burst,
      this.#tokens + (per_s * Math.max(0, now - this.#refilledAt)) / 1_000,
    );
    this.#refilledAt = now;
  }
}
