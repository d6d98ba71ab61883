import type { Effect, NodeVerdict, RegionVerdict } from '@tenma/geo';
import type { Random } from './random.ts';
import type { Timeline } from './timeline.ts';

export interface Active {
  readonly regionId: string;
  readonly epoch: number;
  readonly lastFailoverAt: number | null;
}

export interface Switch {
  readonly at: number;
  readonly epoch: number;
  readonly from: string;
  readonly to: string;
}

/** The store that the replicas of LE share, and those who are told of what it holds. */
export interface Register {
  readonly active: Active;
  readonly verdicts: {
    readonly nodes: ReadonlyMap<string, NodeVerdict>;
    readonly regions: ReadonlyMap<string, RegionVerdict>;
  };
  /** A new leader's term. Verdicts of an earlier one are refused: it does not know yet that it leads no more. */
  newTerm(): number;
  write(term: number, verdict: Extract<Effect, { kind: 'node' | 'region' }>): void;
  readonly switches: readonly Switch[];
  /** Epochs in the order in which each of those who are told took them. */
  readonly heard: readonly (readonly Switch[])[];
  lostRaces: number;
  /** Compare-and-set on the epoch; false: somebody was faster. */
  moveActive(expectedEpoch: number, to: string): boolean;
  /** Replicas hear of a switch a moment later. */
  onMove(listener: () => void): void;
}

const listeners = 3;

/** @param compareAndSet false: who writes last wins, to see that the checks would notice */
export function createRegister(
  first: string,
  { random, timeline, compareAndSet }: { random: Random; timeline: Timeline; compareAndSet: boolean },
): Register {
  let active: Active = { regionId: first, epoch: 1, lastFailoverAt: null };
  const switches: Switch[] = [];
  const heard: Switch[][] = Array.from({ length: listeners }, () => []);
  const onMove: (() => void)[] = [];
  const verdicts = { nodes: new Map<string, NodeVerdict>(), regions: new Map<string, RegionVerdict>() };
  let newestTerm = 0;
  const register: Register = {
    get active() {
      return active;
    },
    verdicts,
    newTerm: () => (newestTerm += 1),
    write(term, effect) {
      if (term < newestTerm) return;
      if (effect.kind === 'node') verdicts.nodes.set(effect.nodeId, effect.verdict);
      else verdicts.regions.set(effect.regionId, effect.verdict);
    },
    switches,
    heard,
    lostRaces: 0,
    moveActive(expectedEpoch, to) {
      if (compareAndSet && active.epoch !== expectedEpoch) {
        register.lostRaces += 1;
        return false;
      }
      const made: Switch = { at: timeline.now, epoch: expectedEpoch + 1, from: active.regionId, to };
      active = { regionId: to, epoch: made.epoch, lastFailoverAt: timeline.now };
      switches.push(made);
      for (const each of heard) {
        // Announcements overtake each other. Who has heard of a higher epoch refuses.
        timeline.after(random.between(5, 2_000), () => {
          if (made.epoch > (each.at(-1)?.epoch ?? 1)) each.push(made);
        });
      }
      for (const tell of onMove) tell();
      return true;
    },
    onMove: (listener) => onMove.push(listener),
  };
  return register;
}
