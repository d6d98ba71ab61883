import type { Random } from './random.ts';
import type { Replica } from './replica.ts';
import type { Timeline } from './timeline.ts';

/** Which of two replicas leads: the lease, with everything that happens to those who hold one. */
export interface Leadership {
  /** Since when one that leads has been awake all the time; null: there is none. */
  readonly steadySince: number | null;
  readonly handovers: number;
}

/** A lease that is not renewed for this long can be taken. */
const leaseMs = 10_000;

export function startLeadership(
  [one, two]: readonly [Replica, Replica],
  perHour: number,
  { random, timeline }: { random: Random; timeline: Timeline },
): Leadership {
  let leader = one;
  let steadySince: number | null = timeline.now;
  let handovers = 0;
  const other = () => (leader === one ? two : one);

  function takeOver(): void {
    leader = other();
    leader.lead();
    steadySince = timeline.now;
  }

  /** Each returns after how long all is over. */
  const kinds: readonly (() => number)[] = [
    function dies() {
      const dead = leader;
      const gapMs = random.between(1_000, leaseMs);
      dead.die();
      steadySince = null;
      timeline.after(gapMs, takeOver);
      const backMs = gapMs + random.between(1_000, 30_000);
      timeline.after(backMs, () => dead.revive());
      return backMs;
    },
    function handsOver() {
      leader.stepDown();
      takeOver();
      return 0;
    },
    function pauses() {
      const sleeper = leader;
      const sleepMs = random.between(1_000, 40_000);
      sleeper.pause(sleepMs);
      steadySince = null;
      if (sleepMs < leaseMs) {
        timeline.after(sleepMs, () => (steadySince = timeline.now));
        return sleepMs;
      }
      timeline.after(leaseMs, takeOver);
      // It wakes believing that it still leads, until it looks at the lease.
      const noticesMs = sleepMs + random.between(0, 2_000);
      timeline.after(noticesMs, () => sleeper.stepDown());
      return noticesMs;
    },
    function bothLead() {
      const late = leader;
      takeOver();
      const noticesMs = random.between(1_000, 20_000);
      timeline.after(noticesMs, () => late.stepDown());
      return noticesMs;
    },
  ];

  function next(): void {
    timeline.after(random.waitMs(perHour), () => {
      handovers += 1;
      timeline.after((random.pick(kinds)?.() ?? 0) + 1, next);
    });
  }

  leader.lead();
  next();
  return {
    get steadySince() {
      return steadySince;
    },
    get handovers() {
      return handovers;
    },
  };
}
