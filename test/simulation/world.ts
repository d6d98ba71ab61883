import { chooseObservers, type Pace } from '@tenma/geo';
import type { Random } from './random.ts';

/** What is really so, which nobody in the fabric can see directly. */
export interface World {
  readonly regions: readonly SimulatedRegion[];
  readonly nodes: readonly SimulatedNode[];
  /** Something has broken or been mended. */
  changed(now: number): void;
}

export interface SimulatedRegion {
  readonly regionId: string;
  readonly priority: number;
  readonly nodes: readonly SimulatedNode[];
  /** With its nodes and its workers. */
  lost: boolean;
  /** Whether probes of the lost region wait in vain, or are refused at once. */
  swallows: boolean;
  /** Its workers take no tasks. */
  silent: boolean;
  /** Its workers reach the fabric and nothing else. */
  cutOff: boolean;
  /** Since when more than half of its nodes cannot be reached. */
  downSince: number | null;
  /** Since when its workers are of use; null: they are not. */
  seesSince: number | null;
}

export interface SimulatedNode {
  readonly nodeId: string;
  readonly region: SimulatedRegion;
  readonly observers: readonly string[];
  crashed: boolean;
}

/** Three to five regions of two or three nodes each. */
export function createWorld(random: Random, pace: Pace, start: number): World {
  const ids = Array.from({ length: 3 + Math.floor(random.next() * 3) }, (_, at) => `region-${at}`);
  const regions = ids.map((regionId, at): SimulatedRegion => {
    const nodes: SimulatedNode[] = [];
    const region: SimulatedRegion = {
      regionId,
      priority: at,
      nodes,
      lost: false,
      swallows: false,
      silent: false,
      cutOff: false,
      downSince: null,
      seesSince: start,
    };
    for (let n = 0; n < 2 + Math.floor(random.next() * 2); n += 1) {
      const nodeId = `${regionId}-node-${n}`;
      const observers = chooseObservers({ nodeId, regionId, withWorkers: ids, count: pace.observers });
      nodes.push({ nodeId, region, observers, crashed: false });
    }
    return region;
  });
  return {
    regions,
    nodes: regions.flatMap(({ nodes }) => nodes),
    changed(now) {
      for (const region of regions) {
        const away = region.nodes.filter((node) => !isReachable(node)).length;
        region.downSince = away * 2 > region.nodes.length ? (region.downSince ?? now) : null;
        region.seesSince = works(region) && !region.cutOff ? (region.seesSince ?? now) : null;
      }
    },
  };
}

export function isReachable({ crashed, region }: SimulatedNode): boolean {
  return !crashed && !region.lost;
}

/** Whether its workers take tasks and bring them to an end. */
export function works({ lost, silent }: SimulatedRegion): boolean {
  return !lost && !silent;
}

export interface Probing {
  readonly random: Random;
  /** Of the probes of what is up. */
  readonly lossShare: number;
}

/** What a probe begun now would come to, and after how long. */
export function probe(
  observer: SimulatedRegion,
  node: SimulatedNode,
  timeoutMs: number,
  { random, lossShare }: Probing,
): { outcome: 'up' | 'down'; afterMs: number } {
  const roundTripMs = Math.min(random.between(2, 200), timeoutMs);
  if (observer.cutOff || random.chance(lossShare)) return { outcome: 'down', afterMs: timeoutMs };
  if (isReachable(node)) return { outcome: 'up', afterMs: roundTripMs };
  const waits = node.region.lost && node.region.swallows;
  return { outcome: 'down', afterMs: waits ? timeoutMs : roundTripMs };
}

/** One way through the fabric: into a queue, out of it, into the store. */
export function hopMs(random: Random): number {
  return random.between(5, 120);
}
