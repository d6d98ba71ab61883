import type { RateLimit, TaskLimit } from '@tenma/protocol';
import type { Clock } from '@tenma/runtime';
import type { SentTask } from '@tenma/store';
import { Allowance } from './allowance.ts';

/** The limits that a task is under are those of its type and of its limit key (empty: none). */
export type Limited = Pick<SentTask, 'type' | 'limitKey'>;

/** What keeps tasks from being sent. */
export interface Obstacle {
  /** Of the limit; other lanes may wait for the same one. */
  readonly name: string;
  /** Until it may have gone by itself; null: not before a task ends. */
  readonly goneInMs: number | null;
}

/**
 * Keeps to limits by key and by type: how many may be sent now, who is out, and what stands in the way. Knows what it is
 * told; nothing here waits.
 */
export interface Limiter {
  /** Tasks that are out under a limit. */
  readonly out: number;
  /** The limit of a key as a task of it says that was made at `at` (Unix ms): the newest task counts. */
  learn(limit: TaskLimit, at: number): void;
  /** How many may be sent now; Infinity where nothing limits them, 0 for a key of which nothing was learned. */
  free(limited: Limited): number;
  /** Null when some may be sent. */
  obstacle(limited: Limited): Obstacle | null;
  /** The names of those limits it is under that leave room. */
  withRoom(limited: Limited): string[];
  has(taskId: string): boolean;
  /** Sets room aside for so many tasks that are about to be taken; dispose it before they are. */
  reserve(limited: Limited, count: number): Disposable;
  take(task: SentTask): void;
  /** It has ended or come back. Returns it if it was out. */
  release(taskId: string): SentTask | undefined;
  /** These are out, and no others. */
  recount(sent: readonly SentTask[]): void;
  /** Begins anew, as whoever takes over from somebody unknown: all buckets are empty. */
  restart(): void;
  forgetIdle(): void;
  /** In words; null when nothing stands in the way. */
  waitingFor(limited: Limited): string | null;
}

const idleMs = 60_000;

/** @param limitOf of a type, as its workers announce it at the time of the call */
export function createLimiter(
  { clock }: { clock: Clock },
  limitOf: (type: string) => RateLimit | undefined,
): Limiter {
  return new AllowanceLimiter(clock, limitOf);
}

interface Named {
  readonly name: string;
  readonly text: string;
  /** Undefined: a key of which nothing was learned. */
  readonly allowance: Allowance | undefined;
}

class AllowanceLimiter implements Limiter {
  readonly #clock: Clock;
  readonly #limitOf: (type: string) => RateLimit | undefined;
  readonly #keys = new Map<string, { readonly allowance: Allowance; at: number }>();
  readonly #types = new Map<string, Allowance>();
  readonly #out = new Map<string, SentTask>();
  #since: number;

  constructor(clock: Clock, limitOf: (type: string) => RateLimit | undefined) {
    this.#clock = clock;
    this.#limitOf = limitOf;
    this.#since = clock.monotonic();
  }

  get out(): number {
    return this.#out.size;
  }

  learn({ key, per_s, concurrent }: TaskLimit, at: number): void {
    const now = this.#clock.monotonic();
    const limit = rateLimit(per_s, concurrent);
    const known = this.#keys.get(key);
    if (!known) {
      const allowance = new Allowance(limit, this.#since, now);
      for (const task of this.#out.values()) if (task.limitKey === key) allowance.hold(task.id, now);
      this.#keys.set(key, { allowance, at });
    } else if (at >= known.at) {
      known.at = at;
      known.allowance.change(limit, now);
    }
  }

  free(limited: Limited): number {
    const now = this.#clock.monotonic();
    let free = Infinity;
    for (const { allowance } of this.#limitsOf(limited)) free = Math.min(free, allowance?.free(now) ?? 0);
    return free;
  }

  obstacle(limited: Limited): Obstacle | null {
    const now = this.#clock.monotonic();
    for (const { name, allowance } of this.#limitsOf(limited)) {
      if (!allowance) return { name, goneInMs: null };
      if (allowance.free(now) === 0) return { name, goneInMs: allowance.tokenInMs(now) || null };
    }
    return null;
  }

  withRoom(limited: Limited): string[] {
    const now = this.#clock.monotonic();
    return this.#limitsOf(limited)
      .filter(({ allowance }) => (allowance?.free(now) ?? 0) > 0)
      .map(({ name }) => name);
  }

  has(taskId: string): boolean {
    return this.#out.has(taskId);
  }

  reserve(limited: Limited, count: number): Disposable {
    const limits = this.#limitsOf(limited);
    for (const { allowance } of limits) allowance?.reserve(count);
    return {
      [Symbol.dispose]() {
        for (const { allowance } of limits) allowance?.reserve(-count);
      },
    };
  }

  take(task: SentTask): void {
    const now = this.#clock.monotonic();
    this.#out.set(task.id, task);
    for (const { allowance } of this.#limitsOf(task)) allowance?.take(task.id, now);
  }

  release(taskId: string): SentTask | undefined {
    const task = this.#out.get(taskId);
    if (!task) return undefined;
    this.#out.delete(taskId);
    this.#keys.get(task.limitKey)?.allowance.release(taskId);
    this.#types.get(task.type)?.release(taskId);
    return task;
  }

  recount(sent: readonly SentTask[]): void {
    const now = this.#clock.monotonic();
    this.#out.clear();
    for (const { allowance } of this.#keys.values()) allowance.releaseAll();
    for (const allowance of this.#types.values()) allowance.releaseAll();
    for (const task of sent) {
      this.#out.set(task.id, task);
      for (const { allowance } of this.#limitsOf(task)) allowance?.hold(task.id, now);
    }
  }

  restart(): void {
    this.#since = this.#clock.monotonic();
    this.#keys.clear();
    this.#types.clear();
    this.#out.clear();
  }

  forgetIdle(): void {
    const now = this.#clock.monotonic();
    for (const [key, { allowance }] of this.#keys) if (allowance.idle(now, idleMs)) this.#keys.delete(key);
    for (const [type, allowance] of this.#types) if (allowance.idle(now, idleMs)) this.#types.delete(type);
  }

  waitingFor(limited: Limited): string | null {
    const now = this.#clock.monotonic();
    for (const { text, allowance } of this.#limitsOf(limited)) {
      if (!allowance || allowance.free(now) > 0) continue;
      const { per_s, concurrent } = allowance.limit;
      if (concurrent !== undefined && allowance.out >= concurrent)
        return `${text}: ${allowance.out} of ${concurrent} running`;
      return `${text}, rate ${per_s}/s: next in ${(allowance.tokenInMs(now) / 1_000).toFixed(1)} s`;
    }
    return null;
  }

  /** The key's first: who waits for it does not stand in the way of others of the type. */
  #limitsOf({ type, limitKey }: Limited): Named[] {
    const limits: Named[] = [];
    if (limitKey !== '') {
      const allowance = this.#keys.get(limitKey)?.allowance;
      limits.push({ name: `key ${limitKey}`, text: `limit key ${limitKey}`, allowance });
    }
    const allowance = this.#ofType(type);
    if (allowance) limits.push({ name: `type ${type}`, text: `limit of type ${type}`, allowance });
    return limits;
  }

  #ofType(type: string): Allowance | undefined {
    const limit = this.#limitOf(type);
    if (!limit) return undefined;
    const now = this.#clock.monotonic();
    let allowance = this.#types.get(type);
    if (allowance) allowance.change(limit, now);
    else this.#types.set(type, (allowance = new Allowance(limit, this.#since, now)));
    return allowance;
  }
}

function rateLimit(per_s: number | undefined, concurrent: number | undefined): RateLimit {
  return { ...(per_s === undefined ? {} : { per_s }), ...(concurrent === undefined ? {} : { concurrent }) };
}
