import type { Shadows } from './canary.ts';
import { createSampler } from './sampler.ts';
import type { Comparison } from './shadow.ts';
import type { Counter } from './tally.ts';

/** Tasks that run on the stable version and, only to be compared, on the candidate too; and what became of that. */
export interface ShadowRuns extends Omit<Shadows, 'stable'> {
  /** Ended since the last that could be compared. */
  readonly uncompared: number;
  /** Of these, inputs that the candidate refused. */
  readonly refused: number;
  /** Whether one more is to run; then {@link ended} is owed. `sparing`: of a small part of the tasks only. */
  draw(sparing: boolean): boolean;
  ended(comparison: Comparison): void;
}

const atOnce = 4;
/** Of the other attempts, once the candidate takes some itself. */
const sparingShare = 0.1;

/** @param tally counts what was compared, among all else that the candidate does */
export function createShadowRuns(random: () => number, tally: Counter): ShadowRuns {
  const sampler = createSampler(random);
  let [running, failed, uncompared, refused] = [0, 0, 0, 0];
  return {
    get compared() {
      return tally.shadows;
    },
    get different() {
      return tally.differences - failed;
    },
    get failed() {
      return failed;
    },
    get uncompared() {
      return uncompared;
    },
    get refused() {
      return refused;
    },
    draw(sparing) {
      if (running >= atOnce) return false;
      if (sparing && !sampler.draw(sparingShare)) return false;
      running += 1;
      return true;
    },
    ended(comparison) {
      running -= 1;
      if (comparison === 'void') return;
      if (comparison === 'refused' || comparison === 'incomparable') {
        uncompared += 1;
        if (comparison === 'refused') refused += 1;
        return;
      }
      tally.shadowed(comparison === 'equal');
      if (comparison === 'failed') failed += 1;
      uncompared = 0;
      refused = 0;
    },
  };
}
