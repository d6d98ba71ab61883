import { hashOf } from '../id-hash.ts';

export interface ObserverChoice {
  readonly nodeId: string;
  /** Where the node is. */
  readonly regionId: string;
  /** Regions that have workers to look with. */
  readonly withWorkers: readonly string[];
  readonly count: number;
}

/** More observers than this find nothing out that these do not. */
export const observersMax = 5;

/**
 * The regions that look at a node: other regions first, its own only fills up. Each node draws its observers for itself
 * (rendezvous hashing), so the load is even, and a region that comes or goes changes the observers of few.
 */
export function chooseObservers({ nodeId, regionId, withWorkers, count }: ObserverChoice): string[] {
  const wanted = Math.max(1, Math.min(count, observersMax));
  const seed = hashOf(nodeId);
  // The heaviest so far, heaviest first. Few are drawn of many, for many nodes: nothing is made for a region passed over.
  const chosen: string[] = [];
  const weights: number[] = [];
  let own = false;
  for (const region of withWorkers) {
    if (region === regionId) {
      own = true;
      continue;
    }
    const weight = hashOf(region, seed);
    let place = chosen.length;
    while (place > 0 && isHeavier(weight, region, weights[place - 1], chosen[place - 1])) place -= 1;
    // One that comes twice stands right before its own place.
    if (place >= wanted || chosen[place - 1] === region) continue;
    // The lighter ones move up by one, the last out where there are enough. `splice` would make a list each time.
    for (let at = Math.min(chosen.length, wanted - 1); at > place; at -= 1) {
      chosen[at] = chosen[at - 1] as string;
      weights[at] = weights[at - 1] as number;
    }
    chosen[place] = region;
    weights[place] = weight;
  }
  if (own && chosen.length < wanted) chosen.push(regionId);
  return chosen;
}

/** Equal weights are told apart by name, so that the order of the regions is none of the choice. */
function isHeavier(weight: number, region: string, than = 0, other = ''): boolean {
  return weight > than || (weight === than && region < other);
}
