import { type Clock, systemClock } from '@tenma/runtime';

/** The system's clock, whose time of day a test can move on; timers stay as they are. */
export interface ShiftedClock extends Clock {
  shift(byMs: number): void;
}

export function shiftedClock(): ShiftedClock {
  const system = systemClock();
  let shiftedMs = 0;
  return {
    ...system,
    now: () => system.now() + shiftedMs,
    shift(byMs) {
      shiftedMs += byMs;
    },
  };
}
