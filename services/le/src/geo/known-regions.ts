import { type Problem, problem } from '@tenma/protocol';
import type { DocumentCache } from '../documents/document-cache.ts';
import type { FleetWatch } from '../fleet-watch.ts';
import { regionsInOrder } from './view.ts';

/** Whether a submission may name this region: a registered one, that of a WEE, `active` or `any`. */
export function isKnownRegion(
  { documents, fleet }: { readonly documents: DocumentCache; readonly fleet: Pick<FleetWatch, 'view'> },
  region: string,
): boolean {
  return (
    region === 'active' ||
    region === 'any' ||
    documents.get('region', region) !== undefined ||
    [...fleet.view.wees.values()].some(({ presence }) => presence.region === region)
  );
}

const namesMax = 30;

/** The refusal of a region that is not registered; the hint names those that are. */
export function unknownRegion(documents: DocumentCache, region: string): Problem {
  const names = regionsInOrder(documents).map(({ region_id: id }) => id);
  const more = names.length > namesMax ? ` and ${names.length - namesMax} more` : '';
  const known = names.length > 0 ? `${names.slice(0, namesMax).join(', ')}${more}` : 'none yet';
  return problem('unknown_region', {
    detail: `there is no region ${region}`,
    hint: `Known regions: ${known}. Others are registered with POST /api/geo/regions.`,
  });
}
