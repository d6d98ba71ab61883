import type { Detector, Effect, NodeVerdict, RegionVerdict, Sighting, WatchedNode } from './detector.ts';
import { createObserverSight, type ObserverSight } from './observer-sight.ts';
import { afterAnswer, atNewInterval, blank, type ObserverView, wantsAnotherLook } from './observer-view.ts';
import { freshForMs, type Pace } from './pace.ts';
import { newNode, type NodeState, restore, settleNode, verdictOf } from './watched-node.ts';
import { count, newRegion, type RegionState, regionVerdict, settleRegion } from './watched-region.ts';

/** Nodes that an observer is asked to look at in one go, to prove that it can see. */
const controlsMax = 2;

export function createDetector(pace: Pace): Detector {
  return new CountingDetector(pace);
}

class CountingDetector implements Detector {
  readonly #pace: Pace;
  readonly #nodes = new Map<string, NodeState>();
  readonly #regions = new Map<string, RegionState>();
  readonly #sights = new Map<string, ObserverSight>();
  /** Nothing is due before. */
  #nextDueAt = Number.POSITIVE_INFINITY;

  constructor(pace: Pace) {
    this.#pace = pace;
  }

  setRegion(
    { regionId, maintenance }: { regionId: string; maintenance: boolean },
    now: number,
    restored?: RegionVerdict,
  ): Effect[] {
    const region = this.#regions.get(regionId) ?? this.#addRegion(regionId, now, restored);
    const effects: Effect[] = [];
    if (region.maintenance !== maintenance) {
      for (const node of region.nodes) this.#watch(node, -1);
      region.maintenance = maintenance;
      for (const node of region.nodes) {
        this.#watch(node, 1);
        node.waitUntil = now + this.#freshMs(node.watched);
        this.#settle(node, region, now, effects);
      }
    }
    this.#settleRegion(region, now, effects);
    return effects;
  }

  removeRegion(regionId: string): void {
    const region = this.#regions.get(regionId);
    for (const node of region?.nodes ?? []) {
      this.#watch(node, -1);
      this.#nodes.delete(node.watched.nodeId);
    }
    this.#regions.delete(regionId);
  }

  setNode(watched: WatchedNode, now: number, restored?: NodeVerdict): Effect[] {
    const effects: Effect[] = [];
    const known = this.#nodes.get(watched.nodeId);
    if (known) this.#changeNode(known, watched, now, effects);
    const node = known ?? newNode(watched, now, this.#freshMs(watched));
    const region = this.#regionOf(node, now);
    if (!known) {
      this.#nodes.set(watched.nodeId, node);
      if (restored) restore(node, restored, now, this.#freshMs(watched));
    }
    if (!region.nodes.has(node)) {
      region.nodes.add(node);
      count(region, node, 1);
    }
    this.#watch(node, 1);
    this.#settle(node, region, now, effects);
    this.#settleRegion(region, now, effects);
    return effects;
  }

  removeNode(nodeId: string, now: number): Effect[] {
    const effects: Effect[] = [];
    const node = this.#nodes.get(nodeId);
    if (!node) return effects;
    this.#watch(node, -1);
    this.#nodes.delete(nodeId);
    this.#leaveRegion(node, now, effects);
    return effects;
  }

  sighted({ nodeId, observer, outcome, at: endedAt, reason }: Sighting, now: number): Effect[] {
    const effects: Effect[] = [];
    const node = this.#nodes.get(nodeId);
    if (!node?.watched.observers.includes(observer)) return effects;
    // A clock that is ahead must not make an answer fresh for longer.
    const at = Math.min(endedAt, now);
    const before = node.views.get(observer) ?? blank;
    if (outcome === 'lost') {
      if (now < before.knownUntil) this.#lookAgain(node, observer, before, at, effects);
      return effects;
    }
    const sight = this.#sightOf(observer);
    const freshMs = this.#freshMs(node.watched);
    const view = afterAnswer(
      before,
      { outcome, at, reason },
      { pace: this.#pace, freshMs, canSee: (failingSince) => sight.canSee(failingSince, at) },
    );
    if (view === before) return effects;
    node.views.set(observer, view);
    if (outcome === 'up') sight.sawUp(nodeId, node.watched.regionId, at, freshMs);
    const region = this.#regionOf(node, now);
    this.#settle(node, region, now, effects);
    this.#settleRegion(region, now, effects);
    this.#lookAgain(node, observer, view, at, effects);
    this.#lookElsewhere(node, observer, view, at, effects);
    return effects;
  }

  tick(now: number): Effect[] {
    const effects: Effect[] = [];
    for (const region of this.#regions.values()) {
      if (!region.restoring) continue;
      region.restoring = false;
      this.#settleRegion(region, now, effects);
    }
    if (now < this.#nextDueAt) return effects;
    this.#nextDueAt = Number.POSITIVE_INFINITY;
    for (const node of this.#nodes.values()) {
      if (node.dueAt > now) {
        this.#dueAt(node.dueAt);
        continue;
      }
      const region = this.#regionOf(node, now);
      this.#settle(node, region, now, effects);
      this.#settleRegion(region, now, effects);
    }
    for (const region of this.#regions.values()) {
      if (region.dueAt <= now) this.#settleRegion(region, now, effects);
      else this.#dueAt(region.dueAt);
    }
    return effects;
  }

  node(nodeId: string, now: number): NodeVerdict | undefined {
    const node = this.#nodes.get(nodeId);
    return node && verdictOf(node, now);
  }

  region(regionId: string): RegionVerdict | undefined {
    const region = this.#regions.get(regionId);
    return region && regionVerdict(region);
  }

  lastSawUp(observer: string, now: number): number | null {
    return this.#sights.get(observer)?.lastSawUp(now) ?? null;
  }

  #addRegion(regionId: string, now: number, restored?: RegionVerdict): RegionState {
    const region = newRegion(regionId, now, restored);
    this.#regions.set(regionId, region);
    return region;
  }

  #regionOf({ watched }: NodeState, now: number): RegionState {
    return this.#regions.get(watched.regionId) ?? this.#addRegion(watched.regionId, now);
  }

  /** Takes over what the owner has changed, and lets go of what no longer counts. */
  #changeNode(node: NodeState, watched: WatchedNode, now: number, effects: Effect[]): void {
    this.#watch(node, -1);
    const was = this.#freshMs(node.watched);
    const freshMs = this.#freshMs(watched);
    for (const [observer, view] of node.views) {
      if (!watched.observers.includes(observer)) node.views.delete(observer);
      else if (was !== freshMs) node.views.set(observer, atNewInterval(view, now, was, freshMs));
    }
    if (node.watched.regionId !== watched.regionId) this.#leaveRegion(node, now, effects);
    node.watched = watched;
  }

  #leaveRegion(node: NodeState, now: number, effects: Effect[]): void {
    const region = this.#regionOf(node, now);
    region.nodes.delete(node);
    count(region, node, -1);
    this.#settleRegion(region, now, effects);
  }

  /** What is in maintenance is not looked at, and shows nobody whether he can see. */
  #watch({ watched }: NodeState, by: 1 | -1): void {
    if (this.#regions.get(watched.regionId)?.maintenance) return;
    for (const observer of watched.observers) {
      const sight = this.#sightOf(observer);
      if (by === 1) sight.watches(watched.regionId);
      else sight.watchesNoLonger(watched.regionId);
    }
  }

  #sightOf(observer: string): ObserverSight {
    const known = this.#sights.get(observer);
    if (known) return known;
    const sight = createObserverSight();
    this.#sights.set(observer, sight);
    return sight;
  }

  #settle(node: NodeState, region: RegionState, now: number, effects: Effect[]): void {
    const previous = node.status;
    count(region, node, -1);
    node.maintenance = region.maintenance;
    const changed = settleNode(node, now);
    count(region, node, 1);
    this.#dueAt(node.dueAt);
    if (!changed) return;
    const { nodeId, regionId } = node.watched;
    effects.push({ kind: 'node', nodeId, regionId, verdict: verdictOf(node, now), previous });
  }

  #settleRegion(region: RegionState, now: number, effects: Effect[]): void {
    const { regionId, status: previous } = region;
    const changed = settleRegion(region, this.#pace.holdMs, now);
    this.#dueAt(region.dueAt);
    if (changed) effects.push({ kind: 'region', regionId, verdict: regionVerdict(region), previous });
  }

  #lookAgain(node: NodeState, observer: string, view: ObserverView, at: number, effects: Effect[]): void {
    if (wantsAnotherLook(view, this.#pace))
      this.#tell(node, observer, at, at + this.#pace.reprobeMs, effects);
  }

  /** An observer that sees something fail without having seen anything up since is asked to prove that it can. */
  #lookElsewhere(node: NodeState, observer: string, view: ObserverView, at: number, effects: Effect[]): void {
    if (view.failures === 0 || view.sees === 'down') return;
    const sight = this.#sightOf(observer);
    if (sight.canSee(view.failingSince, at)) return;
    // The nearer it comes to a verdict, the less its proof may depend on one answer.
    const count = Math.min(view.failures, controlsMax);
    for (const nodeId of sight.controls(count, node.watched.regionId, at, this.#pace.reprobeMs)) {
      const control = this.#nodes.get(nodeId);
      if (control?.watched.observers.includes(observer)) this.#tell(control, observer, at, at, effects);
    }
  }

  /** One look at a time: slots and other looks must not start chains of their own. */
  #tell(node: NodeState, observer: string, now: number, at: number, effects: Effect[]): void {
    if ((node.toldFor.get(observer) ?? 0) > now) return;
    node.toldFor.set(observer, at);
    effects.push({ kind: 'look_again', nodeId: node.watched.nodeId, observer, at });
  }

  #freshMs({ intervalMs }: WatchedNode): number {
    return freshForMs(this.#pace, intervalMs);
  }

  #dueAt(at: number): void {
    this.#nextDueAt = Math.min(this.#nextDueAt, at);
  }
}
