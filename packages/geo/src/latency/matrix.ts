import type { LatencyCell, LatencyLayer, LatencyMatrix, LatencyVector } from '@tenma/protocol';
import { type Place, roundTripFloorMs } from '../place/great-circle.ts';
import { type Coordinate, coordinateRoundTripMs } from './coordinates.ts';
import { estimateBetween, p95Ratio, reachOfPlace } from './estimate.ts';
import { coordinateOf, isPossible, rememberedSamples } from './measurement.ts';
import type { Reach } from './network.ts';

/** All that is known of latency at the time `now`. */
export interface LatencySight {
  readonly places: ReadonlyMap<string, Place>;
  readonly vectors: ReadonlyMap<string, LatencyVector>;
  readonly now: number;
  /** A measurement older than this no longer says what the round trip is now. */
  readonly freshMs: number;
}

/**
 * How far the distance of two coordinates may be off, in errors of the worse one. That error is a mean over pairs that
 * are measured; of the others 86 to 97 % were within four times as much in simulations (docs/latency.md).
 */
const coordinateSpread = 4;

/** Coordinates stand in for the estimate where they are surer than it is: by what each says of itself. */
const believedError = (p95Ratio - 1) / coordinateSpread;

/** A region that has measured nothing for so many times `freshMs` no longer follows the others with its coordinate. */
const coordinateFreshTimes = 4;

/**
 * Cells between two turns of the event loop: about 5 ms at 0.3 µs a number, the 1,000 × 1,000 of the test; with
 * details a cell costs about four times as much.
 */
const cellsInSlice = 12_000;
const detailedCellsInSlice = 3_000;
/** What a region needs once costs as much as this many cells. */
const cellsLikeARow = 150;

/** How old it is counts in both directions: a time in the future is of a clock that was wrong, and no news for ever. */
type Measurement = Omit<LatencyVector['to'][string], 'at'> & { readonly ageMs: number };

/** A region as its cells need it: what depends on it alone is worked out once. */
interface Row {
  readonly id: string;
  readonly place: Place;
  /** Costly, and for the estimate alone: see `reachIn`. */
  reach: Reach | null;
  /** A map, as objects with keys of their own each are slow to ask for keys that they lack. */
  readonly measured: ReadonlyMap<string, Measurement>;
  readonly coordinate: Coordinate | null;
}

/** Where a cell has its round trip from. */
type Source = Measurement | 'coordinates' | 'estimated' | 'floor';

/**
 * The round trip between two regions as a layer knows it; null in the measured layer where nothing is measured, and
 * where a region has no place. `effective` takes a fresh measurement, made from either end, else the distance of the
 * coordinates where both are sure of theirs, else the estimate. Nothing is ever below the floor. `error_ms` is half the
 * width of an interval that 9 of 10 values should be in.
 */
export function latencyCell(
  layer: LatencyLayer,
  from: string,
  to: string,
  sight: LatencySight,
): LatencyCell | null {
  const [a, b] = [rowOf(from, sight), rowOf(to, sight)];
  if (a === null || b === null || from === to) return null;
  const floorMs = roundTripFloorMs(a.place, b.place);
  const source = sourceOf(layer, a, b, floorMs, sight);
  return source && cellOf(source, a, b, floorMs);
}

/** The best that is known, in ms to 0.1; 0 to the region itself, and no end where a region has no place. */
export function effectiveRoundTripMs(from: string, to: string, sight: LatencySight): number {
  return effectiveMs(rowOf(from, sight), from, to, sight);
}

/** The same from one region to many: each region is looked at once, 1,000 of them in about 15 ms. */
export function roundTripsFrom(
  from: string,
  ids: readonly string[],
  sight: LatencySight,
): Map<string, number> {
  const row = rowOf(from, sight);
  return new Map(ids.map((id) => [id, effectiveMs(row, from, id, sight)]));
}

function effectiveMs(row: Row | null, from: string, to: string, sight: LatencySight): number {
  if (from === to) return 0;
  const column = row && rowOf(to, sight);
  if (row === null || column === null) return Number.POSITIVE_INFINITY;
  const floorMs = roundTripFloorMs(row.place, column.place);
  const source = sourceOf('effective', row, column, floorMs, sight);
  return source === null ? Number.POSITIVE_INFINITY : shown(p50Of(source, row, column, floorMs), floorMs);
}

/**
 * All cells of a layer, or the rows of `from`; `cells` false leaves the details out. It calls `breathe` between slices
 * of about 5 ms of its own work, for the event loop to live, and then rejects if `signal` has aborted.
 */
export async function latencyMatrix(
  layer: LatencyLayer,
  sight: LatencySight,
  options: {
    from?: readonly string[];
    signal: AbortSignal;
    cells?: boolean;
    breathe: () => Promise<void>;
    onRows?: (done: number) => void;
  },
): Promise<LatencyMatrix> {
  const { signal, breathe, onRows, cells: detailed = true } = options;
  const slice = detailed ? detailedCellsInSlice : cellsInSlice;
  let [left, done] = [slice, 0];
  const pause = async (): Promise<void> => {
    left = slice;
    onRows?.(done);
    await breathe();
    signal.throwIfAborted();
  };
  signal.throwIfAborted();
  const columns: Row[] = [];
  for (const id of sight.places.keys()) {
    const column = rowOf(id, sight);
    if (column !== null) columns.push(column);
    // Here, between the pauses, and not all of them in the first row.
    if (column !== null && (layer === 'estimated' || layer === 'effective')) reachIn(column);
    left -= cellsLikeARow;
    if (left <= 0) await pause();
  }
  const indexes = new Map(columns.map(({ id }, index) => [id, index]));
  const rows =
    options.from === undefined ? [...columns.keys()] : options.from.flatMap((id) => indexes.get(id) ?? []);
  const matrix: LatencyMatrix['matrix'] = dictionary();
  const cells: LatencyMatrix['cells'] = dictionary();
  const known: (Float64Array | undefined)[] = [];
  for (const index of rows) {
    const row = columns[index] as Row;
    const details = detailed ? dictionary<LatencyCell>() : null;
    matrix[row.id] = fillRow(layer, columns, index, known, { cells, details }, sight);
    if (details !== null) cells[row.id] = details;
    done++;
    left -= columns.length;
    if (left <= 0) await pause();
  }
  onRows?.(done);
  return { layer, matrix, cells };
}

/**
 * The numbers of a row; its cells go into `details`. A round trip is the same both ways: what a row has worked out is
 * in `known`, and later rows take it from there. Apart from the loop that waits, as V8 goes on after an `await` in
 * code that is not optimised.
 */
function fillRow(
  layer: LatencyLayer,
  columns: readonly Row[],
  index: number,
  known: (Float64Array | undefined)[],
  { cells, details }: { cells: LatencyMatrix['cells']; details: Record<string, LatencyCell> | null },
  sight: LatencySight,
): Record<string, number> {
  const row = columns[index] as Row;
  const numbers = dictionary<number>();
  const own = new Float64Array(columns.length).fill(Number.NaN);
  known[index] = own;
  for (let to = 0; to < columns.length; to++) {
    if (to === index) continue;
    const column = columns[to] as Row;
    const earlier = known[to];
    if (earlier !== undefined) {
      const rttMs = earlier[index] as number;
      if (Number.isNaN(rttMs)) continue;
      numbers[column.id] = rttMs;
      const cell = details && cells[column.id]?.[row.id];
      if (details && cell) details[column.id] = cell;
      continue;
    }
    const floorMs = roundTripFloorMs(row.place, column.place);
    const source = sourceOf(layer, row, column, floorMs, sight);
    if (source === null) continue;
    const rttMs = shown(p50Of(source, row, column, floorMs), floorMs);
    numbers[column.id] = rttMs;
    own[to] = rttMs;
    if (details) details[column.id] = cellOf(source, row, column, floorMs);
  }
  return numbers;
}

function rowOf(id: string, { places, vectors, now, freshMs }: LatencySight): Row | null {
  const place = places.get(id);
  if (place === undefined) return null;
  const vector = vectors.get(id);
  const measured = new Map<string, Measurement>();
  let newestMs = Number.POSITIVE_INFINITY;
  for (const [to, { at, ...entry }] of Object.entries(vector?.to ?? {})) {
    const ageMs = Math.abs(now - Date.parse(at));
    measured.set(to, { ...entry, ageMs });
    newestMs = Math.min(newestMs, ageMs);
  }
  const coordinate = newestMs <= coordinateFreshTimes * freshMs ? coordinateOf(vector) : null;
  return { id, place, reach: null, measured, coordinate };
}

/** Worked out when an estimate first needs it. */
function reachIn(row: Row): Reach {
  row.reach ??= reachOfPlace(row.place);
  return row.reach;
}

function sourceOf(layer: LatencyLayer, a: Row, b: Row, floorMs: number, sight: LatencySight): Source | null {
  if (layer === 'floor' || layer === 'estimated') return layer;
  const measured = measuredBetween(a, b, floorMs);
  if (layer === 'measured') return measured;
  if (measured !== null && measured.ageMs <= sight.freshMs) return measured;
  return Math.max(errorOf(a), errorOf(b)) < believedError ? 'coordinates' : 'estimated';
}

/** The newer of what either end has measured. A place may have been corrected since, so it must still be possible. */
function measuredBetween(a: Row, b: Row, floorMs: number): Measurement | null {
  const [there, back] = [a.measured.get(b.id), b.measured.get(a.id)];
  const newer = there === undefined || (back !== undefined && isNewer(back, there)) ? back : there;
  return newer !== undefined && isPossible(newer.p50_ms, floorMs) ? newer : null;
}

/** Of two at the same time the lower, whichever end asks: what delays a probe only ever adds. */
function isNewer(one: Measurement, other: Measurement): boolean {
  return one.ageMs < other.ageMs || (one.ageMs === other.ageMs && one.p50_ms < other.p50_ms);
}

function errorOf({ coordinate }: Row): number {
  return coordinate?.error ?? Number.POSITIVE_INFINITY;
}

function p50Of(source: Source, a: Row, b: Row, floorMs: number): number {
  if (source === 'floor') return floorMs;
  if (source === 'estimated') return estimateBetween(reachIn(a), reachIn(b), floorMs);
  if (source !== 'coordinates') return source.p50_ms;
  return a.coordinate && b.coordinate ? coordinateRoundTripMs(a.coordinate, b.coordinate) : floorMs;
}

/** Half the width of an interval that 9 of 10 values should be in: a twentieth is above it, a twentieth below. */
function errorMsOf(source: Source, a: Row, b: Row, p50Ms: number): number | null {
  if (source === 'floor') return null;
  if (source === 'estimated') return p50Ms * (p95Ratio - 1);
  if (source === 'coordinates') return p50Ms * coordinateSpread * Math.max(errorOf(a), errorOf(b));
  // Of a normal spread, p95 - p50 is 1.64 σ; a median of n is off by 1.25 σ / √n, and 9 of 10 are within 1.64 of that.
  // The p50 is of what it remembers, not of all that ever was.
  const samples = Math.min(Math.max(1, source.samples), rememberedSamples);
  return (1.25 * (source.p95_ms - source.p50_ms)) / Math.sqrt(samples);
}

function cellOf(source: Source, a: Row, b: Row, floorMs: number): LatencyCell {
  const p50Ms = p50Of(source, a, b, floorMs);
  const errorMs = errorMsOf(source, a, b, p50Ms);
  const measured = typeof source === 'string' ? null : source;
  const rtt = shown(p50Ms, floorMs);
  return {
    rtt_ms: rtt,
    p50_ms: rtt,
    p95_ms: Math.max(rtt, shown(measured?.p95_ms ?? p50Ms + (errorMs ?? 0), floorMs)),
    kind: typeof source === 'string' ? source : 'measured',
    samples: measured?.samples ?? 0,
    age_ms: measured && Math.round(measured.ageMs),
    error_ms: errorMs === null ? null : Math.round(errorMs * 10) / 10,
  };
}

/** To 0.1 ms; upwards where the nearest tenth is below the floor, so that no layer shows what light could not do. */
function shown(ms: number, floorMs: number): number {
  const tenths = Math.round(Math.max(ms, floorMs) * 10) / 10;
  return tenths < floorMs ? Math.ceil(floorMs * 10) / 10 : tenths;
}

/**
 * An object without a prototype is a hash table from its first key. A plain one gets a hidden class for each key that
 * it gains: for a thousand rows of a thousand keys, each lacking another, that takes V8 ten seconds.
 */
function dictionary<Value>(): Record<string, Value> {
  return Object.create(null) as Record<string, Value>;
}
