import { type Place, unitVector } from '../place/great-circle.ts';
import { hashOf, mixed } from '../id-hash.ts';

const defaultPeers = 6;

interface Region {
  readonly id: string;
  readonly point: readonly [x: number, y: number, z: number];
  readonly hash: number;
}

/**
 * Whom each region measures. A pair is measured by one of the two, as a round trip is the same from both ends, so a
 * region takes part in about `peers` pairs and measures half as many. With few regions (no more than `peers` + 1)
 * every pair is measured.
 *
 * Each region chooses for itself, and a new region changes the choices of a few others only:
 * - its *guide*, the nearest of the regions with a higher rank, where the rank is a hash of the id: from guide to
 *   guide every region comes to the one of the highest rank, so all pairs together are connected;
 * - its nearest regions, which tell the near paths apart;
 * - far regions (beyond its average), by a hash of both ids: they span the space of the coordinates.
 *
 * Regions without a place are left out: nothing measured of them could be checked. Makes O(n) pairs in O(n²) time: a few
 * hundred ms for 1,000 regions, so not for every round.
 */
export function probePlan(
  regionIds: readonly string[],
  places: ReadonlyMap<string, Place>,
  { peers = defaultPeers }: { peers?: number } = {},
): Map<string, string[]> {
  const regions = [...new Set(regionIds)].toSorted().flatMap((id): Region[] => {
    const place = places.get(id);
    return place === undefined ? [] : [{ id, point: unitVector(place), hash: hashOf(id) }];
  });
  const plan = new Map(regions.map(({ id }) => [id, [] as string[]]));
  if (regions.length <= peers + 1) {
    for (const [i, { id: a }] of regions.entries()) {
      for (const [j, { id: b }] of regions.slice(0, i).entries()) {
        // In turns, so that each measures about half of its pairs.
        if ((i + j) % 2 === 0) plan.get(a)?.push(b);
        else plan.get(b)?.push(a);
      }
    }
    return plan;
  }
  const choices = new Map(regions.map((region) => [region.id, choicesOf(region, regions, peers)]));
  for (const [id, chosen] of choices) {
    // Where both chose each other, one measures.
    plan.set(
      id,
      chosen.filter((other) => id < other || choices.get(other)?.includes(id) !== true).toSorted(),
    );
  }
  return plan;
}

function choicesOf(own: Region, regions: readonly Region[], peers: number): string[] {
  const [x, y, z] = own.point;
  // The square of the straight line through the Earth, halved: as good as the distance to compare.
  const distances = Float64Array.from(
    regions,
    ({ point }) => 1 - (x * point[0] + y * point[1] + z * point[2]),
  );
  const average = distances.reduce((sum, distance) => sum + distance, 0) / (regions.length - 1);
  const count = Math.max(1, Math.floor(peers / 2));
  const chosen = new Set<Region>([own]);
  /** Up to so many in all, of those that may be, the one of the least cost first. */
  const choose = (upTo: number, mayBe: (index: number, other: Region) => boolean, costs: Float64Array) => {
    while (chosen.size <= Math.min(upTo, regions.length - 1)) {
      let best = -1;
      for (let index = 0; index < regions.length; index++) {
        if (best >= 0 && (costs[index] ?? 0) >= (costs[best] ?? 0)) continue;
        const other = regions[index] as Region;
        if (!chosen.has(other) && mayBe(index, other)) best = index;
      }
      const chosenNow = regions[best];
      if (chosenNow === undefined) return;
      chosen.add(chosenNow);
    }
  };
  const drawn = Float64Array.from(regions, ({ hash }) => mixed(own.hash ^ Math.imul(hash, 0x9e_37_79_b1)));
  const outranks = (a: Region): boolean => a.hash > own.hash || (a.hash === own.hash && a.id > own.id);
  choose(1, (_, other) => outranks(other), distances);
  choose(Math.ceil((count + 1) / 2), () => true, distances);
  choose(count, (index) => (distances[index] ?? 0) > average, drawn);
  choose(count, () => true, drawn);
  return [...chosen].filter((region) => region !== own).map(({ id }) => id);
}
