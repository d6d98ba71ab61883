import type { Pace } from '@tenma/geo';
import type { Leadership } from './leadership.ts';
import type { Register } from './register.ts';
import type { Timeline } from './timeline.ts';
import type { SimulatedRegion, World } from './world.ts';

/** Knows what is really so, and holds what the fabric does against it. */
export interface Witness {
  readonly faults: readonly string[];
  /** From when all that is needed was given to the switch, ms. */
  readonly switchTimes: readonly number[];
  /** Losses that lasted longer than the bound and were never left, because something that is needed was missing. */
  readonly excused: number;
  /** To be called often. */
  look(): void;
  /** A failover was asked for; how long the region had really been away then, or null. */
  awayForMs(regionId: string): number | null;
  /** The failover of `from` has happened, that was asked for when it had been away for so long. */
  switched(from: string, awayForMs: number | null): void;
  end(): void;
}

interface Surroundings {
  readonly world: World;
  readonly register: Register;
  readonly leadership: Leadership;
  readonly pace: Pace;
  /** Within which a lost region has to be left. */
  readonly boundMs: number;
  readonly cooldownMs: number;
  readonly timeline: Timeline;
}

export function createWitness(around: Surroundings): Witness {
  const { world, register, pace, boundMs, timeline } = around;
  const faults: string[] = [];
  const switchTimes: number[] = [];
  const regions = new Map(world.regions.map((region) => [region.regionId, region]));
  /** The active region, while it is lost, and since when all that is needed to leave it has been given. */
  let loss: { region: SimulatedRegion; begun: number; since: number } | null = null;
  let excused = 0;
  const fault = (what: string) => faults.push(`at ${timeline.now - 1_800_000_000_000} ms: ${what}`);

  return {
    faults,
    switchTimes,
    get excused() {
      return excused;
    },
    look() {
      const active = regions.get(register.active.regionId);
      if (!active?.lost) {
        if (loss && loss.region === active && timeline.now - loss.begun > boundMs) excused += 1;
        loss = null;
        return;
      }
      if (loss?.region !== active) loss = { region: active, begun: timeline.now, since: timeline.now };
      loss.since = Math.max(loss.since, givenSince(around, active));
      if (timeline.now - loss.since <= boundMs) return;
      fault(`${active.regionId} was lost and not left within ${boundMs} ms`);
      loss.since = timeline.now;
    },
    awayForMs(regionId) {
      const since = regions.get(regionId)?.downSince ?? null;
      return since === null ? null : timeline.now - since;
    },
    switched(from, awayForMs) {
      if (loss && loss.region.regionId === from) switchTimes.push(timeline.now - loss.since);
      if (awayForMs === null || awayForMs < pace.holdMs)
        fault(
          `${from} was left, and had been away for ${awayForMs === null ? 'no time' : `${awayForMs} ms`}`,
        );
    },
    end() {
      const byEpoch = new Map<number, string>();
      for (const { epoch, to } of [...register.switches, ...register.heard.flat()]) {
        if ((byEpoch.get(epoch) ?? to) !== to) fault(`epoch ${epoch} was accepted for two regions`);
        byEpoch.set(epoch, to);
      }
      for (const [at, { epoch }] of register.switches.entries())
        if (epoch !== at + 2) fault(`epoch ${epoch} is the switch number ${at + 1}`);
    },
  };
}

/** Since when everything has been there that a failover of the region needs; now, when something is missing. */
function givenSince(
  { world, register, leadership, cooldownMs, timeline }: Surroundings,
  lost: SimulatedRegion,
): number {
  const { now } = timeline;
  const { lastFailoverAt } = register.active;
  const coolAt = lastFailoverAt === null ? 0 : lastFailoverAt + cooldownMs;
  const others = world.regions.filter((region) => region !== lost);
  const verdicts = others.map(({ regionId }) => register.verdicts.regions.get(regionId));
  const viable = verdicts.some((verdict) => verdict?.status === 'online' && !verdict.quarantined);
  const onlyOne = verdicts.every((verdict) => verdict?.status !== 'offline');
  if (leadership.steadySince === null || coolAt > now || !viable || !onlyOne) return now;
  // Of more than half of the nodes, the first observer that has been of use all the time.
  const seen = lost.nodes
    .map(({ observers }) =>
      Math.min(
        ...others
          .filter(({ regionId }) => observers.includes(regionId))
          .map(({ seesSince }) => seesSince ?? Number.POSITIVE_INFINITY),
      ),
    )
    .sort((a, b) => a - b);
  const majority = seen[Math.floor(lost.nodes.length / 2)] ?? Number.POSITIVE_INFINITY;
  return majority > now ? now : Math.max(leadership.steadySince, coolAt, majority);
}
