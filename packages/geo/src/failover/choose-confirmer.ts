export interface ConfirmerChoice {
  /** The region that is to be left. */
  readonly from: string;
  /** Regions that have workers to confirm with. */
  readonly withWorkers: readonly string[];
  /** When workers of a region last saw anything up, Unix ms; null: not lately. */
  readonly lastSawUp: (regionId: string) => number | null;
}

/**
 * The region whose workers confirm a loss: the one that saw something up last. One that is cut off would confirm
 * anything. Null while nobody sees anything: then nothing is to be left, and the question is asked again later.
 */
export function chooseConfirmer({ from, withWorkers, lastSawUp }: ConfirmerChoice): string | null {
  let best: { regionId: string; at: number } | null = null;
  for (const regionId of withWorkers) {
    const at = regionId === from ? null : lastSawUp(regionId);
    if (at === null) continue;
    if (!best || at > best.at || (at === best.at && regionId < best.regionId)) best = { regionId, at };
  }
  return best?.regionId ?? null;
}
