import type { Clock } from '@tenma/runtime';
import type { Attempt } from './attempt.ts';

/** Looks after the times of the attempts that run in processes. */
export interface TimeKeeper extends Disposable {
  /** An attempt has begun: looks again and again until none is left. */
  watch(): void;
}

export interface TimeKeeperOptions {
  readonly clock: Clock;
  readonly attempts: ReadonlyMap<number, Attempt>;
  /** How long an aborted attempt has before its process is killed. */
  readonly abortGraceMs: number;
  /** It has run longer than its timeout. */
  readonly onLate: (attempt: Attempt) => void;
}

const sweepMs = 50;

export function createTimeKeeper({ clock, attempts, abortGraceMs, onLate }: TimeKeeperOptions): TimeKeeper {
  let timer: Disposable | null = null;
  let closed = false;

  /**
   * Kills the process of an attempt that has not ended after its abort. Only one whose process has confirmed the abort
   * is to blame: in a blocked process anybody may be.
   */
  function judge(attempt: Attempt, now: number): void {
    const { aborted, member, startedAt, request } = attempt;
    if (!member) return;
    if (aborted && now - aborted.at > abortGraceMs) {
      attempt.culprit = aborted.received;
      member.kill();
    } else if (now - startedAt > request.timeoutMs) onLate(attempt);
  }

  function watch(): void {
    if (timer || closed) return;
    timer = clock.after(sweepMs, () => {
      timer = null;
      const now = clock.monotonic();
      for (const attempt of attempts.values()) judge(attempt, now);
      if (attempts.size > 0) watch();
    });
  }

  return {
    watch,
    [Symbol.dispose]() {
      closed = true;
      timer?.[Symbol.dispose]();
    },
  };
}
