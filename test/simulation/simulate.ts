import { type Pace, worstCaseSwitchMs } from '@tenma/geo';
import { confirmLoss } from './confirming.ts';
import { type Rates, startFaults } from './faults.ts';
import { startLeadership } from './leadership.ts';
import { createProber } from './prober.ts';
import { seededRandom } from './random.ts';
import { createRegister } from './register.ts';
import { createReplica } from './replica.ts';
import { createTimeline, type Timeline } from './timeline.ts';
import { createWitness } from './witness.ts';
import { createWorld, hopMs, type World } from './world.ts';

export interface Run {
  readonly seed: number;
  readonly pace: Pace;
  readonly rates: Rates;
  /** Share of the probes of what is up that fail all the same. */
  readonly lossShare: number;
  /** Default: an hour. */
  readonly forMs?: number;
  /** Faults of the run's own, besides those by rate. */
  readonly script?: (world: World, timeline: Timeline) => void;
  /** What a careless fabric would do, to see that it would be noticed. */
  readonly compareAndSet?: boolean;
  readonly confirms?: boolean;
  readonly boundMs?: number;
}

export interface Outcome {
  /** What must not have happened. */
  readonly faults: readonly string[];
  readonly switchTimes: readonly number[];
  readonly counts: Readonly<Record<string, number>>;
}

const start = 1_800_000_000_000;
const hourMs = 3_600_000;
const cooldownMs = 300_000;
const lookMs = 250;

/** A fabric with two LEs under the given faults. The same run gives the same outcome. */
export function simulate(run: Run): Outcome {
  const { seed, pace, rates, lossShare, script, compareAndSet = true, confirms = true } = run;
  const { boundMs = worstCaseSwitchMs(pace), forMs = hourMs } = run;
  const random = seededRandom(seed);
  const timeline = createTimeline(start);
  const world = createWorld(random, pace, start);
  const probing = { random, lossShare };
  const register = createRegister(world.regions[0]?.regionId ?? '', { random, timeline, compareAndSet });
  const prober = createProber(world, timeline, { ...probing, timeoutMs: pace.timeoutMs }, (sighting) => {
    for (const replica of replicas) replica.sighted(sighting);
  });
  const counts = { proposals: 0, stays: 0, unanswered: 0 };

  function propose(from: string, confirmer: string, done: () => void): void {
    counts.proposals += 1;
    const awayForMs = witness.awayForMs(from);
    const act = () => {
      done();
      // Whichever replica reads the end of the task acts on it, and if it is delivered twice, perhaps both do.
      const alive = replicas.filter((replica) => replica.alive);
      for (const replica of random.chance(0.3) ? alive : [random.pick(alive)])
        replica?.act(from, () => witness.switched(from, awayForMs));
    };
    if (!confirms) return act();
    timeline.after(hopMs(random), () =>
      confirmLoss(world, { regionId: from, by: confirmer }, { pace, timeline, probing }, (found) => {
        if (found === 'unanswered') counts.unanswered += 1;
        if (found !== 'stay') return act();
        counts.stays += 1;
        return done();
      }),
    );
  }

  const around = { world, register, prober, pace, cooldownMs, random, timeline, propose };
  const replicas = [createReplica('one', around), createReplica('two', around)] as const;
  const leadership = startLeadership(replicas, rates.handover, { random, timeline });
  const witness = createWitness({ world, register, leadership, pace, boundMs, cooldownMs, timeline });
  const faultCounts = startFaults(world, rates, random, timeline);
  script?.(world, timeline);
  const look = () => {
    witness.look();
    timeline.after(lookMs, look);
  };
  look();
  timeline.runUntil(start + forMs);
  witness.end();
  const { handovers } = leadership;
  const { excused } = witness;
  const { lostRaces } = register;
  const switches = register.switches.length;
  return {
    faults: witness.faults,
    switchTimes: witness.switchTimes,
    counts: { probes: prober.probes, ...faultCounts, handovers, ...counts, switches, excused, lostRaces },
  };
}
