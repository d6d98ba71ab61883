import { type LatencyVector, timestamp } from '@tenma/protocol';
import { type Place, roundTripFloorMs } from '../place/great-circle.ts';
import { type Coordinate, moveCoordinate, startCoordinate } from './coordinates.ts';
import { estimateOneWay, landingOfPlace, reachOfPlace } from './estimate.ts';
import { hashOf, mixed } from '../id-hash.ts';

/** The samples of one probe round to one region. */
export interface Measured {
  readonly to: string;
  readonly samplesMs: readonly number[];
  /** Unix milliseconds. */
  readonly at: number;
}

type Entry = LatencyVector['to'][string];
type Vectors = ReadonlyMap<string, LatencyVector>;
type Places = ReadonlyMap<string, Place>;

/** Where regions are, and how far apart the rounds of their probes. */
export interface MeasuringPlan {
  readonly places: Places;
  readonly roundMs: number;
}

/** What was known weighs no more than this many samples against those of a new round. */
export const rememberedSamples = 12;
/** And half as much for each of these that it is older. */
const halfLifeMs = 600_000;
/**
 * What is known is later than a new measurement by no more than this, unless a clock was wrong when it was written: a
 * measurement that comes after a later one is late by an interval at most, 5 min. A clock that was ahead by less is
 * waited for: by then what it wrote is no longer fresh anyway.
 */
const clockFaultMs = 900_000;
/**
 * What others have measured of this region pushes its coordinate for so many rounds: a pair that is no longer measured would
 * pull for ever at where it once was.
 */
const heardForRounds = 3;
/** Within 50 km the registered places say too little of the path: towns are written down to a few km. */
const siteFloorMs = 0.5;
/** Springs to regions that are not measured: how many, and how little they weigh (added to the error of the other). */
const imaginedSprings = 32;
const imaginedError = 1;

/**
 * Whether light could have made it: a round trip below the floor has not been to where the region is registered. In
 * a site, where the floor is less than half a millisecond, there is no telling.
 */
export function isPossible(rttMs: number, floorMs: number): boolean {
  return Number.isFinite(rttMs) && rttMs >= 0 && (floorMs < siteFloorMs || rttMs >= floorMs);
}

/**
 * The vector of the region `from` after a round of probes, with its coordinate moved along. Samples that are
 * impossible are left out, and so are regions without a place, those that have gone included.
 *
 * What is known of a pair stays when it is later than the measurement, but for a time that a wrong clock has written.
 *
 * The p50 is the median of a round, then a mean over rounds in which older ones fade. A delay on the way or a busy
 * host spoils single samples, upwards and by any amount: the median of a round does not see them while they are fewer
 * than half. What spoils a whole round counts by its share of samples, about a quarter, and fades; a path that has
 * really changed is followed to within 10 % in a few rounds. The vector needs no more than what it says.
 */
export function vectorAfter(
  before: LatencyVector | null,
  from: string,
  measured: readonly Measured[],
  others: Vectors,
  { places, roundMs }: MeasuringPlan,
): LatencyVector {
  const place = places.get(from);
  const entries = new Map<string, Entry>();
  for (const [id, entry] of Object.entries(before?.to ?? {})) if (places.has(id)) entries.set(id, entry);
  if (place === undefined) return vectorOf(from, entries, coordinateOf(before));

  let coordinate = coordinateOf(before) ?? startCoordinate(from, place);
  const settled = new Set<string>([from]);
  let latest = Number.NEGATIVE_INFINITY;
  for (const { to, samplesMs, at } of measured.toSorted((a, b) => a.at - b.at)) {
    const there = places.get(to);
    if (there === undefined || to === from) continue;
    const floorMs = roundTripFloorMs(place, there);
    const possible = samplesMs.filter((ms) => isPossible(ms, floorMs));
    const known = entries.get(to);
    const aheadMs = known === undefined ? 0 : Date.parse(known.at) - at;
    if (possible.length === 0 || (aheadMs > 0 && aheadMs <= clockFaultMs)) continue;
    // Of one with a wrong time nobody knows how old it is: the pair begins anew.
    const entry = entryAfter(aheadMs > clockFaultMs ? undefined : known, possible, at);
    entries.set(to, entry);
    coordinate = moveCoordinate(coordinate, coordinateIn(others, to, there), entry.p50_ms);
    settled.add(to);
    latest = Math.max(latest, at);
  }
  if (settled.size > 1) {
    for (const [id, { to }] of others) {
      const [heard, there] = [to[from], places.get(id)];
      if (heard === undefined || there === undefined || settled.has(id)) continue;
      if (
        Math.abs(latest - Date.parse(heard.at)) > heardForRounds * roundMs ||
        !isPossible(heard.p50_ms, roundTripFloorMs(place, there))
      )
        continue;
      coordinate = moveCoordinate(coordinate, coordinateIn(others, id, there), heard.p50_ms);
      settled.add(id);
    }
    coordinate = steadied(coordinate, from, place, others, places, settled);
  }
  return vectorOf(from, entries, coordinate);
}

function entryAfter(before: Entry | undefined, samplesMs: readonly number[], at: number): Entry {
  const sorted = samplesMs.toSorted((a, b) => a - b);
  const [p50, p95] = [quantile(sorted, 0.5), quantile(sorted, 0.95)];
  if (before === undefined) return entryOf(p50, p95 - p50, sorted.length, at);
  const fading = 0.5 ** ((at - Date.parse(before.at)) / halfLifeMs);
  const remembered = Math.min(before.samples, rememberedSamples) * fading;
  const share = sorted.length / (sorted.length + remembered);
  const mean = (old: number, now: number): number => old + share * (now - old);
  const spread = mean(before.p95_ms - before.p50_ms, p95 - p50);
  return entryOf(mean(before.p50_ms, p50), spread, before.samples + sorted.length, at);
}

function entryOf(p50: number, spread: number, samples: number, at: number): Entry {
  return { p50_ms: hundredths(p50), p95_ms: hundredths(p50 + spread), samples, at: timestamp(at) };
}

/** By linear interpolation between the samples, which are sorted. */
function quantile(sorted: readonly number[], share: number): number {
  const at = share * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(at)] ?? 0, sorted[Math.ceil(at)] ?? 0];
  return low + (high - low) * (at - Math.floor(at));
}

/**
 * A region measures about as many others as its coordinate has numbers, so its springs alone can be content while it
 * is in the wrong place for everyone else. Weak springs as long as the estimate hold it in place there; they teach it
 * nothing about its error.
 */
function steadied(
  coordinate: Coordinate,
  from: string,
  place: Place,
  others: Vectors,
  places: Places,
  settled: ReadonlySet<string>,
): Coordinate {
  const drawn = hashOf(from);
  const springs = [...others.keys()]
    .filter((id) => !settled.has(id))
    .map((id) => ({ id, there: places.get(id), rank: mixed(drawn ^ hashOf(id)) }))
    .toSorted((a, b) => a.rank - b.rank)
    .slice(0, imaginedSprings);
  const reach = reachOfPlace(place);
  return springs.reduce((own, { id, there }) => {
    if (there === undefined) return own;
    const other = coordinateIn(others, id, there);
    const weak = { ...other, error: other.error + imaginedError };
    const rttMs = estimateOneWay(reach, landingOfPlace(there), roundTripFloorMs(place, there));
    return { ...moveCoordinate(own, weak, rttMs), error: own.error };
  }, coordinate);
}

export function coordinateOf(vector: LatencyVector | null | undefined): Coordinate | null {
  const known = vector?.coordinate;
  return known ? { at: known.at, heightMs: known.height_ms, error: known.error } : null;
}

function coordinateIn(vectors: Vectors, id: string, place: Place): Coordinate {
  return coordinateOf(vectors.get(id)) ?? startCoordinate(id, place);
}

function vectorOf(
  from: string,
  entries: ReadonlyMap<string, Entry>,
  coordinate: Coordinate | null,
): LatencyVector {
  return {
    from,
    to: Object.fromEntries(entries),
    coordinate: coordinate && {
      at: coordinate.at.map(hundredths),
      height_ms: hundredths(coordinate.heightMs),
      error: Math.round(coordinate.error * 1_000) / 1_000,
    },
  };
}

/** Finer than what is shown, as the next round goes on from it. */
function hundredths(value: number): number {
  return Math.round(value * 100) / 100;
}
