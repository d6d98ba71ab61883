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
  const seed = hashed(`${nodeId} `, 0x811c9dc5);
  // Few are drawn of many, for many nodes: kept in order while they are drawn, not sorted after it.
  const drawn: { region: string; weight: number }[] = [];
  let own = false;
  for (const region of new Set(withWorkers)) {
    if (region === regionId) {
      own = true;
      continue;
    }
    const weight = mixed(hashed(region, seed));
    const place = drawn.findIndex(
      (one) => weight > one.weight || (weight === one.weight && region < one.region),
    );
    if (place >= 0) drawn.splice(place, 0, { region, weight });
    else if (drawn.length < wanted) drawn.push({ region, weight });
    if (drawn.length > wanted) drawn.pop();
  }
  const chosen = drawn.map(({ region }) => region);
  return own && chosen.length < wanted ? [...chosen, regionId] : chosen;
}

/** FNV-1a. */
function hashed(text: string, seed: number): number {
  let hash = seed;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash;
}

/** Names that are alike get weights that are not. */
function mixed(hash: number): number {
  let mixing = Math.imul(hash ^ (hash >>> 16), 0x21f0aaad);
  mixing = Math.imul(mixing ^ (mixing >>> 15), 0x735a2d97);
  return (mixing ^ (mixing >>> 15)) >>> 0;
}
