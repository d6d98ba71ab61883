import type { FleetView } from '@tenma/fleet';

/** From which regions a type of probe can be run. */
export interface ProbeRegions {
  /** Registered regions with a pool of the type. */
  of(type: string): readonly string[];
  /** Looks at the fleet again; returns the types for which the regions are others than before. */
  look(): ReadonlySet<string>;
}

interface Components {
  readonly fleet: { readonly view: FleetView };
  readonly isRegistered: (region: string) => boolean;
}

export function createProbeRegions({ fleet, isRegistered }: Components): ProbeRegions {
  let known = new Map<string, readonly string[]>();

  return {
    of: (type) => known.get(type) ?? [],
    look() {
      const seen = regionsByType(fleet.view, isRegistered);
      const changed = [...new Set([...known.keys(), ...seen.keys()])].filter(
        (type) => known.get(type)?.join() !== seen.get(type)?.join(),
      );
      known = seen;
      return new Set(changed);
    },
  };
}

function regionsByType(
  { pools }: FleetView,
  isRegistered: (region: string) => boolean,
): Map<string, string[]> {
  const regions = new Map<string, Set<string>>();
  for (const { type, region } of pools.values()) {
    if (!isRegistered(region)) continue;
    const ofType = regions.get(type);
    if (ofType) ofType.add(region);
    else regions.set(type, new Set([region]));
  }
  return new Map([...regions].map(([type, set]) => [type, [...set].sort()]));
}
