import { createTally } from './tally.ts';
import { createTrial, type Trial } from './trial.ts';

/** How a version does. Times are log-normal: half are above `medianMs`, and `spread` is that of the logarithm. */
export interface Conduct {
  readonly failureRate: number;
  readonly medianMs: number;
  readonly spread: number;
  /** The part that never ends. */
  readonly hangs?: number;
}

export interface Setting {
  readonly perSecond: number;
  readonly share: number;
  readonly stable: Conduct;
  readonly candidate: Conduct;
  /** Attempts of the stable version before the trial. */
  readonly history: number;
  /** The trial is left undecided then. */
  readonly patienceMs: number;
}

/** Runs one trial in which all depends on the seed, looked at after every attempt. */
export function simulateTrial(setting: Setting, seed: number): Pick<Trial, 'verdict' | 'reason' | 'tally'> {
  const random = seeded(seed);
  const usual = createTally();
  const draw = (conduct: Conduct) => {
    const ms = conduct.medianMs * Math.exp(conduct.spread * gauss(random));
    return { ms, hangs: random() < (conduct.hangs ?? 0), failed: random() < conduct.failureRate };
  };
  for (let n = 0; n < setting.history; n++) {
    const { ms, failed } = draw(setting.stable);
    if (failed) usual.failed();
    else usual.succeeded(ms);
  }
  const stable = { version: '1.0.0', tally: usual };
  const trial = createTrial({ random, version: '1.1.0', since: 'today', shadows: false, stable });
  const ends: { readonly at: number; readonly end: () => void }[] = [];
  const endThose = (until: number) => {
    for (let next = ends.at(-1); next && next.at <= until; next = ends.at(-1)) {
      ends.pop();
      next.end();
      trial.judge(next.at);
      if (trial.verdict !== 'trying') return;
    }
  };
  trial.begin(0);
  for (let now = 0; now < setting.patienceMs; now += (-Math.log(1 - random()) / setting.perSecond) * 1_000) {
    endThose(now);
    if (trial.verdict !== 'trying') break;
    const onTrial = trial.draw(setting.share);
    const { ms, hangs, failed } = draw(onTrial ? setting.candidate : setting.stable);
    const ended = trial.watch(onTrial, now, false);
    const tally = onTrial ? trial.tally : usual;
    const at = now + ms;
    const end = () => {
      if (failed) tally.failed();
      else tally.succeeded(ms);
      ended(failed ? 'failed' : 'succeeded', ms, at);
    };
    if (hangs) continue;
    ends.splice(ends.findLastIndex((other) => other.at > at) + 1, 0, { at, end });
  }
  return trial;
}

/** The mulberry32 generator. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Box and Muller's. */
function gauss(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
