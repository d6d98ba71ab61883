import { distanceKm, type Place, unitVector } from '../place/great-circle.ts';
import { landWays, seaWays } from './cables.ts';
import { pointsAtSea, towns } from './waypoints.ts';

/** Places nearer than this are joined overland whatever lands they are on: there is a bridge, or a short cable. */
const nearKm = 300;

/** All ways between waypoints. A kilometre overland counts `landFactor` km at sea. */
export interface Network {
  readonly landFactor: number;
  readonly waypoints: readonly Waypoint[];
  /** The towns, which come first among the waypoints, on the unit sphere: x, y, z of one after the other. */
  readonly townPoints: Float64Array;
  /** The towns of each land, as indexes of waypoints. */
  readonly townsOf: ReadonlyMap<string, Int32Array>;
  /** Shortest way between waypoints in km at sea: `ways[a * waypoints.length + b]`. */
  readonly ways: Float64Array;
}

interface Waypoint extends Place {
  readonly name: string;
  /** On the unit sphere. */
  readonly point: readonly [x: number, y: number, z: number];
  /** Null at sea. */
  readonly land: string | null;
}

/** Where a place meets the network. */
export interface Landing {
  readonly place: Place;
  readonly land: string;
  /** Its land's towns, as indexes of waypoints. */
  readonly gates: Int32Array;
  /** The way to each gate in km at sea. */
  readonly gatesKm: Float64Array;
}

/** A landing that knows its shortest way to every waypoint in km at sea: worth its price for many pairs. */
export interface Reach extends Landing {
  readonly ways: Float64Array;
}

export function makeNetwork(landFactor: number): Network {
  const waypoints: Waypoint[] = [
    ...Object.entries(towns).flatMap(([land, places]) =>
      Object.entries(places as Record<string, Place>).map(([name, place]) => ({
        name,
        land,
        point: unitVector(place),
        ...place,
      })),
    ),
    ...Object.entries<Place>(pointsAtSea).map(([name, place]) => ({
      name,
      land: null,
      point: unitVector(place),
      ...place,
    })),
  ];
  const size = waypoints.length;
  const ways = new Float64Array(size * size).fill(Number.POSITIVE_INFINITY);
  const join = (a: number, b: number, factor: number): void => {
    const km = distanceKm(waypoints[a] as Waypoint, waypoints[b] as Waypoint) * factor;
    if (km >= at(ways, a * size + b)) return;
    ways[a * size + b] = km;
    ways[b * size + a] = km;
  };
  for (const [a, { land }] of waypoints.entries()) {
    for (const [b, other] of waypoints.entries()) {
      if (a === b || (land !== null && land === other.land)) join(a, b, landFactor);
    }
  }
  const indexes = new Map(waypoints.map(({ name }, index) => [name, index]));
  const joinChains = (chains: readonly (readonly string[])[], factor: number): void => {
    for (const chain of chains) {
      for (const [i, name] of chain.entries()) {
        const [a, b] = [indexes.get(chain[i - 1] ?? name), indexes.get(name)];
        if (a !== undefined && b !== undefined) join(a, b, factor);
      }
    }
  };
  joinChains(seaWays, 1);
  joinChains(landWays, landFactor);
  shorten(ways, size);
  return { landFactor, waypoints, ways, ...townsAmong(waypoints) };
}

/** What every landing looks through, as plain numbers. */
function townsAmong(waypoints: readonly Waypoint[]): Pick<Network, 'townPoints' | 'townsOf'> {
  const lands = new Map<string, number[]>();
  for (const [index, { land }] of waypoints.entries()) {
    if (land !== null) lands.set(land, [...(lands.get(land) ?? []), index]);
  }
  const all = waypoints.filter(({ land }) => land !== null);
  return {
    townPoints: Float64Array.from(all.flatMap(({ point }) => [...point])),
    townsOf: new Map([...lands].map(([land, towns]) => [land, Int32Array.from(towns)])),
  };
}

/** Floyd and Warshall: all shortest ways, in place. */
function shorten(ways: Float64Array, size: number): void {
  for (let via = 0; via < size; via++) {
    for (let a = 0; a < size; a++) {
      const first = at(ways, a * size + via);
      if (first === Number.POSITIVE_INFINITY) continue;
      for (let b = 0; b < size; b++) {
        const km = first + at(ways, via * size + b);
        if (km < at(ways, a * size + b)) ways[a * size + b] = km;
      }
    }
  }
}

/** A place is on the land of the nearest town. */
export function landingOf({ waypoints, landFactor, townPoints, townsOf }: Network, place: Place): Landing {
  const [x, y, z] = unitVector(place);
  let nearest = -2;
  let town = 0;
  for (let index = 0; 3 * index < townPoints.length; index++) {
    const first = 3 * index;
    const cosine = x * at(townPoints, first) + y * at(townPoints, first + 1) + z * at(townPoints, first + 2);
    if (cosine > nearest) [nearest, town] = [cosine, index];
  }
  const land = waypoints[town]?.land ?? '';
  const gates = townsOf.get(land) ?? new Int32Array();
  const gatesKm = new Float64Array(gates.length);
  for (let i = 0; i < gates.length; i++) {
    gatesKm[i] = distanceKm(place, waypoints[gates[i] as number] as Waypoint) * landFactor;
  }
  return { place, land, gates, gatesKm };
}

export function reachOf(network: Network, place: Place): Reach {
  const landing = landingOf(network, place);
  const size = network.waypoints.length;
  const ways = new Float64Array(size).fill(Number.POSITIVE_INFINITY);
  for (let i = 0; i < landing.gates.length; i++) {
    const first = at(landing.gatesKm, i);
    const row = (landing.gates[i] as number) * size;
    for (let to = 0; to < size; to++) {
      const km = first + at(network.ways, row + to);
      if (km < at(ways, to)) ways[to] = km;
    }
  }
  return { ...landing, ways };
}

/**
 * Whether a pair of places is worked out from the other end, so that it is the same from both to the last bit: sums
 * of the same numbers in another order differ.
 */
export function isReversed(from: Place, to: Place): boolean {
  return to.lat < from.lat || (to.lat === from.lat && to.lon < from.lon);
}

/** The shortest way between two places in km at sea. */
export function wayKm(network: Network, from: Reach, to: Landing, straightKm: number): number {
  const { ways } = from;
  const { gates, gatesKm } = to;
  const overland = from.land === to.land || straightKm < nearKm;
  let km = overland ? straightKm * network.landFactor : Number.POSITIVE_INFINITY;
  for (let i = 0; i < gates.length; i++) {
    const through = at(ways, gates[i] as number) + at(gatesKm, i);
    if (through < km) km = through;
  }
  return km;
}

/** An element that is known to be there. Of one kind of list only, which is what makes it cost nothing. */
function at(list: Float64Array, index: number): number {
  return list[index] as number;
}
