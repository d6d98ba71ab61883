import type { GeoStatus, Region } from '@tenma/protocol';
import { formatSections, formatTable, oneLine } from './table.ts';

const columns = [
  'region',
  'name',
  'provider',
  'status',
  'active',
  'nodes',
  'priority',
  'since',
  'reason',
] as const;

/** One line a region. `status` counts the nodes that are online; without it they are only counted. */
export function regionTable(regions: readonly Region[], status?: GeoStatus): string {
  return formatTable(
    columns,
    regions.map((region) => ({
      region: region.region_id,
      name: region.display_name,
      provider: region.provider,
      status: statusOf(region),
      active: region.active ? '★' : '',
      nodes: nodesOf(region, status),
      priority: String(region.priority),
      since: region.status_since,
      reason: region.status_reason ?? '',
    })),
  );
}

export function regionSections(region: Region): string {
  const { lat, lon } = region.location;
  return formatSections([
    ['region', region.region_id],
    ['name', oneLine(region.display_name)],
    ['provider', oneLine(region.provider)],
    ['status', statusOf(region)],
    ['reason', region.status_reason === null ? undefined : oneLine(region.status_reason)],
    ['since', region.status_since],
    ['active', region.active ? 'yes' : 'no'],
    ['nodes', String(region.node_count)],
    ['priority', String(region.priority)],
    ['location', `${Math.abs(lat)}° ${lat < 0 ? 'S' : 'N'}, ${Math.abs(lon)}° ${lon < 0 ? 'W' : 'E'}`],
    ['created', region.created_at],
    ['updated', region.updated_at],
  ]);
}

/** How it fares in a word or two. */
export function statusOf({ status, quarantined }: Pick<Region, 'status' | 'quarantined'>): string {
  return quarantined ? `${status} (flaps)` : status;
}

/** Nodes online of all. */
export function nodesOf({ region_id, node_count }: Region, status: GeoStatus | undefined): string {
  const counted = status?.regions[region_id];
  return counted === undefined ? String(node_count) : `${counted.online_nodes}/${counted.node_count}`;
}
