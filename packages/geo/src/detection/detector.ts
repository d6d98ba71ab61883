import type { NodeStatus, Opinion, RegionStatus } from '@tenma/protocol';

/** A node to be watched. */
export interface WatchedNode {
  readonly nodeId: string;
  readonly regionId: string;
  /** Regions that look at it. */
  readonly observers: readonly string[];
  /** Between two probes by one observer. */
  readonly intervalMs: number;
}

export interface Sighting {
  readonly nodeId: string;
  readonly observer: string;
  /** `lost`: the probe itself came to nothing, which says nothing of the node. */
  readonly outcome: 'up' | 'down' | 'lost';
  /** When the probe ended, Unix ms. */
  readonly at: number;
  readonly reason: string | null;
}

export interface NodeVerdict {
  readonly status: NodeStatus;
  readonly reason: string | null;
  /** Unix ms. */
  readonly since: number;
  readonly quarantined: boolean;
  readonly observers: readonly Opinion[];
}

export interface RegionVerdict {
  readonly status: RegionStatus;
  readonly reason: string | null;
  readonly since: number;
  readonly quarantined: boolean;
}

/** What follows from what was seen. */
export type Effect =
  /** Do not wait for the next slot: the observer should look again at `at` (Unix ms). */
  | { readonly kind: 'look_again'; readonly nodeId: string; readonly observer: string; readonly at: number }
  | {
      readonly kind: 'node';
      readonly nodeId: string;
      readonly regionId: string;
      readonly verdict: NodeVerdict;
      readonly previous: NodeStatus;
    }
  | {
      readonly kind: 'region';
      readonly regionId: string;
      readonly verdict: RegionVerdict;
      readonly previous: RegionStatus;
    };

/**
 * Turns what observers see into verdicts on nodes and regions. Keeps counts, owns neither clock nor sockets: the same
 * calls give the same effects. Cost of a call does not grow with the number of nodes, but for {@link Detector.tick}.
 */
export interface Detector {
  /**
   * Adds a region or changes it. With `restored`, what was written down of it, nothing is said of it before the next
   * tick, so that its nodes can be added.
   */
  setRegion(
    region: { regionId: string; maintenance: boolean },
    now: number,
    restored?: RegionVerdict,
  ): Effect[];
  /** Takes its nodes along. */
  removeRegion(regionId: string): void;
  /**
   * Adds a node or changes it. What observers that stay have seen is kept; `restored` is what was written down of it,
   * and counts as fresh until answers can be there.
   */
  setNode(node: WatchedNode, now: number, restored?: NodeVerdict): Effect[];
  removeNode(nodeId: string, now: number): Effect[];
  /** A node or observer that is not watched is ignored, and so is an answer that came twice. */
  sighted(sighting: Sighting, now: number): Effect[];
  /** Lets silence become `unknown`, holds and quarantines end. Call it about every 250 ms. */
  tick(now: number): Effect[];
  /** The verdict of the last call that could change it, with what its observers see at `now`. */
  node(nodeId: string, now: number): NodeVerdict | undefined;
  region(regionId: string): RegionVerdict | undefined;
  /** When this observer last saw anything up, Unix ms; null when that is long ago: it may be cut off. */
  lastSawUp(observer: string, now: number): number | null;
}
