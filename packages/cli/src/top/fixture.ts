import type { Node, Region } from '@tenma/protocol';
import type { TaskGist, TopSnapshot } from './snapshot.ts';

/** The moment of the snapshots below. */
export const moment = Date.parse('2026-02-20T10:30:00.000Z');
const ago = (ms: number) => new Date(moment - ms).toISOString();
const unchanged = { created_at: ago(3_600_000), updated_at: ago(3_600_000), quarantined: false };

export function aRegion(region_id: string, parts: Partial<Region> = {}): Region {
  return {
    region_id,
    display_name: region_id,
    provider: 'custom',
    location: { lat: 0, lon: 0 },
    priority: 1,
    maintenance: false,
    status: 'online',
    status_reason: null,
    status_since: ago(60_000),
    active: false,
    node_count: 0,
    ...unchanged,
    ...parts,
  };
}

export function aNode(node_id: string, parts: Partial<Node> = {}): Node {
  return {
    node_id,
    region_id: 'tokyo',
    endpoint: '127.0.0.1:1',
    node_type: 'general',
    labels: {},
    probe: {},
    status: 'offline',
    status_reason: 'refused',
    status_since: ago(12_000),
    observers: [],
    ...unchanged,
    ...parts,
  };
}

export function aTask(id: string, parts: Partial<TaskGist> = {}): TaskGist {
  const times = { created_at: ago(5_000), started_at: ago(3_000) };
  const task = {
    id,
    type: 'echo',
    state: 'running',
    region: 'tokyo',
    worker: 'wee-1',
    reason: null,
  } as const;
  return { ...task, ...times, attempt: 1, max_attempts: 5, ...parts };
}

/** Two regions, of which the first is the active one, and nothing else. */
export function aSnapshot(parts: Partial<TopSnapshot> = {}): TopSnapshot {
  const counted = { node_count: 2, online_nodes: 2, priority: 1, status: 'online' } as const;
  return {
    at: new Date(moment).toISOString(),
    status: {
      active_region: 'tokyo',
      epoch: 7,
      total_regions: 2,
      total_nodes: 4,
      online_regions: 2,
      online_nodes: 4,
      auto_failover: true,
      regions: { tokyo: counted, oregon: counted },
    },
    regions: [aRegion('oregon', { priority: 2 }), aRegion('tokyo', { active: true })],
    nodes: [],
    pools: [],
    running: [],
    waiting: [],
    last_failover: null,
    ...parts,
  };
}
