import type { Random } from './random.ts';
import type { Timeline } from './timeline.ts';
import type { SimulatedRegion, World } from './world.ts';

/** Faults an hour of each kind, for each thing that can have them. */
export interface Rates {
  readonly nodeCrash: number;
  readonly regionLoss: number;
  readonly observerSilent: number;
  readonly observerCutOff: number;
  /** Of LE as a whole: a replica dies, pauses, hands over, or two of them act at once. */
  readonly handover: number;
}

/** Far above what anybody should see: each kind has to meet each other within an hour. */
export const harshRates: Rates = {
  nodeCrash: 1,
  regionLoss: 0.8,
  observerSilent: 1,
  observerCutOff: 1,
  handover: 3,
};

/** How long faults last, ms; short ones as likely as long ones. */
export const durations = {
  nodeCrash: [3_000, 300_000],
  regionLoss: [3_000, 600_000],
  observerSilent: [5_000, 300_000],
  observerCutOff: [5_000, 300_000],
} as const;

/** Lets the faults of regions, nodes and observers come and go. Returns how many there have been so far. */
export function startFaults(world: World, rates: Rates, random: Random, timeline: Timeline) {
  const counts = { nodeCrash: 0, regionLoss: 0, observerSilent: 0, observerCutOff: 0 };

  function comeAndGo(kind: keyof typeof counts, begin: () => void, end: () => void): void {
    const [shortest, longest] = durations[kind];
    timeline.after(random.waitMs(rates[kind]), () => {
      counts[kind] += 1;
      begin();
      world.changed(timeline.now);
      timeline.after(random.logBetween(shortest, longest), () => {
        end();
        world.changed(timeline.now);
        comeAndGo(kind, begin, end);
      });
    });
  }

  const lose = (region: SimulatedRegion) => () => {
    region.lost = true;
    region.swallows = random.chance(0.5);
  };
  for (const region of world.regions) {
    comeAndGo('regionLoss', lose(region), () => (region.lost = false));
    comeAndGo(
      'observerSilent',
      () => (region.silent = true),
      () => (region.silent = false),
    );
    comeAndGo(
      'observerCutOff',
      () => (region.cutOff = true),
      () => (region.cutOff = false),
    );
    for (const node of region.nodes) {
      comeAndGo(
        'nodeCrash',
        () => (node.crashed = true),
        () => (node.crashed = false),
      );
    }
  }
  return counts;
}
