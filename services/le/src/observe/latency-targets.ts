import { type Place, probePlan } from '@tenma/geo';
import { isEndpoint } from '@tenma/protocol';
import type { Clock } from '@tenma/runtime';
import type { DocumentCache } from '../documents/document-cache.ts';
import type { FleetWatch } from '../fleet-watch.ts';
import { nodeVerdict } from '../geo/view.ts';

/** Something in another region to which a round trip can be measured. */
export interface LatencyTarget {
  readonly region_id: string;
  readonly endpoint: string;
  readonly method: 'echo' | 'connect';
}

/** The task type that measures round trips. */
export const latencyType = 'latency-probe';

/** Of one peer region in one round. Two, so that one that has just died does not cost the round. */
const targetsPerPeer = 2;
/** More of a region than these take no turns. */
const candidatesMax = 16;
/** As many as one `latency-probe` takes. */
const targetsMax = 64;
/** Slots of many regions start within this time: they share a picture. */
const pictureMs = 1_000;

export interface LatencyTargets {
  /**
   * What a region measures in a round; nothing where no WEE of it can measure. Those of a peer take turns from round
   * to round.
   */
  of(from: string, round: number): LatencyTarget[];
}

interface Components {
  readonly documents: DocumentCache;
  readonly fleet: Pick<FleetWatch, 'view'>;
  readonly clock: Clock;
}

interface Picture {
  /** By region: what can be measured to there. */
  readonly reachable: ReadonlyMap<string, readonly LatencyTarget[]>;
  /** By region that can measure: the regions it measures to. */
  readonly peers: ReadonlyMap<string, readonly string[]>;
}

export function latencyTargets({ documents, fleet, clock }: Components): LatencyTargets {
  let picture: Picture | undefined;
  let takenAt = 0;
  let plan = new Map<string, string[]>();
  let plannedFor = '';

  /** The plan costs by the square of the regions, and changes with them alone. */
  function planOf(regionIds: readonly string[], places: ReadonlyMap<string, Place>): Map<string, string[]> {
    const key = JSON.stringify(regionIds.map((id) => [id, places.get(id)]));
    if (key !== plannedFor) plan = probePlan(regionIds, places);
    plannedFor = key;
    return plan;
  }

  function takePicture(): Picture {
    const places = new Map<string, Place>();
    for (const [id, { value }] of documents.all('region')) places.set(id, value.location);
    const reachable = targetsByRegion({ documents, fleet });
    const measuring = new Set<string>();
    for (const { region, type } of fleet.view.pools.values()) if (type === latencyType) measuring.add(region);
    const takingPart = [...places.keys()].filter((id) => reachable.has(id) || measuring.has(id)).sort();
    const peers = new Map<string, string[]>([...measuring].map((id) => [id, []]));
    for (const [from, all] of planOf(takingPart, places)) {
      for (const to of all) {
        // A round trip is the same from both ends: who cannot measure is measured.
        if (measuring.has(from) && reachable.has(to)) peers.get(from)?.push(to);
        else if (measuring.has(to) && reachable.has(from)) peers.get(to)?.push(from);
      }
    }
    return { reachable, peers };
  }

  return {
    of(from, round) {
      if (!picture || clock.monotonic() - takenAt > pictureMs) {
        picture = takePicture();
        takenAt = clock.monotonic();
      }
      const { reachable, peers } = picture;
      const targets = (peers.get(from) ?? []).flatMap((peer) => inTurn(reachable.get(peer) ?? [], round));
      return targets.slice(0, targetsMax);
    },
  };
}

/** The echoes that online WEEs of a region announce; where there are none, its nodes at a `host:port`. */
function targetsByRegion({ documents, fleet }: Omit<Components, 'clock'>): Map<string, LatencyTarget[]> {
  const byRegion = new Map<string, LatencyTarget[]>();
  const isFull = (id: string) => (byRegion.get(id)?.length ?? 0) >= candidatesMax;
  const add = (target: LatencyTarget) => {
    const targets = byRegion.get(target.region_id);
    if (isFull(target.region_id) || !isHostPort(target.endpoint)) return;
    if (targets) targets.push(target);
    else byRegion.set(target.region_id, [target]);
  };
  const wees = [...fleet.view.wees.values()].map(({ presence }) => presence);
  for (const { region, status, echo } of wees.sort((a, b) => (a.wee_id < b.wee_id ? -1 : 1))) {
    if (status === 'online' && echo !== null) add({ region_id: region, endpoint: echo, method: 'echo' });
  }
  const echoing = new Set(byRegion.keys());
  for (const [, { value: node }] of documents.all('node')) {
    if (echoing.has(node.region_id) || isFull(node.region_id)) continue;
    if (nodeVerdict(documents, node).status === 'offline') continue;
    add({ region_id: node.region_id, endpoint: node.endpoint, method: 'connect' });
  }
  return byRegion;
}

/** What `latency-probe` takes: one that it refuses would cost the round of all. */
function isHostPort(endpoint: string): boolean {
  return endpoint.length <= 300 && !endpoint.includes('/') && isEndpoint(endpoint);
}

function inTurn(targets: readonly LatencyTarget[], round: number): LatencyTarget[] {
  const count = Math.min(targetsPerPeer, targets.length);
  return Array.from({ length: count }, (_, at) => targets[(round * count + at) % targets.length]).filter(
    (target) => target !== undefined,
  );
}
