import {
  type NewRegion,
  problem,
  type Problem,
  type RegionPatch,
  type RegionRecord,
  timestamp,
} from '@tenma/protocol';
import type { Clock } from '@tenma/runtime';
import { type Answer, changeDocuments, type InTurn, type Plan } from '../documents/change-documents.ts';
import type { DocumentCache, Write } from '../documents/document-cache.ts';
import { activeRegionId } from '../documents/kinds.ts';
import { unknownRegion } from './known-regions.ts';
import { nodesOf } from './view.ts';

/**
 * What the verbs of the registry work with. Its changes take turns: they write over the same regions, and would lose
 * races against each other that nobody has to run.
 */
export interface RegistryComponents {
  readonly documents: DocumentCache;
  readonly clock: Clock;
  readonly inTurn: InTurn;
}

/** @throws StoreUnavailableError, as all verbs of the registry do */
export function createRegion(
  { documents, clock, inTurn }: RegistryComponents,
  wanted: NewRegion,
): Promise<Answer<RegionRecord>> {
  const { region_id: id } = wanted;
  const decide = () => {
    if (documents.get('region', id)) {
      return { problem: problem('already_exists', { detail: `there is a region ${id} already` }) };
    }
    const value = regionRecord(wanted, timestamp(clock.now()));
    return {
      value,
      writes: [{ kind: 'region', id, expected: 0, value }, ...forgetRegion(documents, id)],
    } as const;
  };
  return inTurn(() => changeDocuments(documents, decide));
}

export function regionRecord(wanted: NewRegion, now: string): RegionRecord {
  return {
    ...wanted,
    display_name: wanted.display_name ?? wanted.region_id,
    created_at: now,
    updated_at: now,
  };
}

export function updateRegion(
  { documents, clock, inTurn }: RegistryComponents,
  id: string,
  patch: RegionPatch,
): Promise<Answer<RegionRecord>> {
  const decide = (): Plan<RegionRecord> | { problem: Problem } => {
    const known = documents.get('region', id);
    if (!known) return { problem: unknownRegion(documents, id) };
    if (Object.keys(patch).length === 0) return { value: known.value, writes: [] };
    // It was JSON: what is not said is not there.
    const said = patch as Partial<RegionRecord>;
    const value = { ...known.value, ...said, updated_at: timestamp(clock.now()) };
    return { value, writes: [{ kind: 'region', id, expected: known.version, value }] };
  };
  return inTurn(() => changeDocuments(documents, decide));
}

/** Refused as long as it has nodes or is the active one. */
export function deleteRegion({ documents, inTurn }: RegistryComponents, id: string): Promise<Answer<null>> {
  return inTurn(() => changeDocuments(documents, () => deletion(documents, id)));
}

/** A node that comes in writes over the region, a switch writes over the active region: neither goes unseen. */
function deletion(documents: DocumentCache, id: string): Plan<null> | { problem: Problem } {
  const region = documents.get('region', id);
  if (!region) return { problem: unknownRegion(documents, id) };
  const use = useOf(documents, id);
  if (use) return { problem: problem('region_in_use', { detail: `the region ${id} ${use}` }) };
  return {
    value: null,
    writes: [
      { kind: 'region', id, expected: region.version, value: null },
      ...activeStays(documents),
      ...forgetRegion(documents, id),
    ],
  };
}

const namedMax = 3;

function useOf(documents: DocumentCache, id: string): string | null {
  const isActive = documents.get('active-region', activeRegionId)?.value.region_id === id;
  const nodes = nodesOf(documents, id).map(({ node_id: node }) => node);
  const named = nodes.slice(0, namedMax).join(', ');
  const more = nodes.length > namedMax ? ` and ${nodes.length - namedMax} more` : '';
  const has = `has ${nodes.length} ${nodes.length === 1 ? 'node' : 'nodes'}: ${named}${more}`;
  if (nodes.length === 0) return isActive ? 'is the active one' : null;
  return isActive ? `is the active one and ${has}` : has;
}

/** The active region as it was read: a region may go only while `active` does not come to point to it. */
export function activeStays(documents: DocumentCache): Write[] {
  const active = documents.get('active-region', activeRegionId);
  if (!active) return [];
  return [{ kind: 'active-region', id: activeRegionId, expected: active.version, value: active.value }];
}

/** What was found out about a region of this id: the next one begins without it. */
export function forgetRegion(documents: DocumentCache, id: string): Write[] {
  return (['region-verdict', 'latency'] as const)
    .filter((kind) => documents.get(kind, id) !== undefined)
    .map((kind) => ({ kind, id, expected: 'any', value: null }));
}
