import type { Place } from '../../place/great-circle.ts';

/** A table of round trips that somebody has measured and published. */
export interface PublishedRoundTrips {
  readonly source: string;
  readonly regions: Readonly<Record<string, Place>>;
  /** For each region the round trips to those before it, in ms. */
  readonly rows: readonly (readonly number[])[];
}

export interface PublishedPair {
  readonly a: string;
  readonly b: string;
  readonly from: Place;
  readonly to: Place;
  readonly rttMs: number;
}

export function pairsOf({ regions, rows }: PublishedRoundTrips): PublishedPair[] {
  const entries = Object.entries(regions);
  return rows.flatMap((row, i) =>
    row.map((rttMs, j) => {
      const [a, from] = entries[i] ?? unknownRegion(i);
      const [b, to] = entries[j] ?? unknownRegion(j);
      return { a, b, from, to, rttMs };
    }),
  );
}

function unknownRegion(index: number): never {
  throw new Error(`the table has a row ${index} and no region for it`);
}
