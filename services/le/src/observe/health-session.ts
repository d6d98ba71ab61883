import {
  chooseObservers,
  createDetector,
  type Detector,
  type Effect,
  freshForMs,
  type NodeVerdict,
  type RegionVerdict,
} from '@tenma/geo';
import { type NodeRecord, type Observation, timestamp, type Verdict } from '@tenma/protocol';
import type { Clock, Log } from '@tenma/runtime';
import type { Store } from '@tenma/store';
import type { DocumentCache, DocumentChange } from '../documents/document-cache.ts';
import type { FleetWatch } from '../fleet-watch.ts';
import type { GeoSettings } from '../geo/settings.ts';
import { activeRegion } from '../geo/view.ts';
import type { Lease } from './lease.ts';
import { probeOf } from './node-probe.ts';
import { type ObservationRecorder, startObservationRecorder } from './observation-recorder.ts';
import { createProbeRegions, type ProbeRegions } from './probe-regions.ts';
import { type Probing, startProbing } from './probing.ts';
import type { Scheduler } from './scheduler.ts';
import { startVerdictWriter, type VerdictWriter } from './verdict-writer.ts';

export interface HealthComponents {
  readonly documents: DocumentCache;
  readonly settings: Pick<GeoSettings, 'enabled' | 'pace'>;
  readonly lease: Lease;
  readonly scheduler: Scheduler;
  readonly fleet: Pick<FleetWatch, 'view'>;
  readonly store: Pick<Store, 'recordObservations'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Watches the regions and nodes for as long as the lease is held. Begins with what is written down of them. */
export interface HealthSession extends AsyncDisposable {
  /** Nodes that are probed into a verdict. */
  readonly watching: number;
  /** It has run for so long that every verdict rests on what it has seen itself. */
  readonly seasoned: boolean;
  onDocuments(changes: readonly DocumentChange[]): void;
  onObservations(observations: readonly Observation[]): void;
  /** When workers of a region last saw a node up, Unix ms; null: not lately. */
  lastSawUp(regionId: string): number | null;
  /** Every quarter of a second. */
  tick(): void;
}

export function startHealthSession(components: HealthComponents): HealthSession {
  return new Session(components);
}

const lookMs = 1_000;
/** New nodes that come together are probed at once if they are no more than this; a crowd waits for its slots. */
const probedAtOnce = 50;
/** When the fleet has changed, so many nodes a tick get their observers anew: all of 10,000 at once take half a second. */
const rechosenAtOnce = 1_000;
const notProbed = 'its probes are switched off';

class Session implements HealthSession {
  readonly #components: HealthComponents;
  readonly #detector: Detector;
  readonly #probing: Probing;
  readonly #verdicts: VerdictWriter;
  readonly #recorder: ObservationRecorder;
  readonly #probeRegions: ProbeRegions;
  /** What is watched, as the detector knows it: regions with their maintenance, nodes with the type of their probe. */
  readonly #regions = new Map<string, boolean>();
  readonly #nodes = new Map<string, { readonly node: NodeRecord; readonly type: string }>();
  /** Who saw what of a node when it was last written down. */
  readonly #sights = new Map<string, string>();
  /** To be kept in step with the fleet in one of the next ticks. */
  readonly #behind = new Set<string>();
  readonly #seasonedAt: number;
  #active: string | undefined;
  #lookedAt: number;

  constructor(components: HealthComponents) {
    const { documents, settings, fleet, clock } = components;
    this.#components = components;
    this.#detector = createDetector(settings.pace);
    this.#probing = startProbing(components, settings.pace.timeoutMs);
    this.#verdicts = startVerdictWriter(components);
    this.#recorder = startObservationRecorder(components);
    const isRegistered = (region: string) => documents.get('region', region) !== undefined;
    this.#probeRegions = createProbeRegions({ fleet, isRegistered });
    this.#seasonedAt = clock.monotonic() + freshForMs(settings.pace, settings.pace.activeIntervalMs);
    this.#lookedAt = clock.monotonic();
    this.#probeRegions.look();
    this.#active = activeRegion(documents)?.region_id;
    for (const id of documents.all('region').keys()) this.#keepRegion(id);
    for (const id of documents.all('node').keys()) this.#keepNode(id);
    this.#removeStrays();
  }

  get watching(): number {
    return this.#nodes.size;
  }

  get seasoned(): boolean {
    return this.#components.clock.monotonic() >= this.#seasonedAt;
  }

  onDocuments(changes: readonly DocumentChange[]): void {
    const { documents } = this.#components;
    const nodes = new Set<string>();
    const regions = new Set<string>();
    for (const { kind, id } of changes) {
      if (kind === 'node') nodes.add(id);
      if (kind === 'region' && this.#keepRegion(id)) regions.add(id);
    }
    const active = activeRegion(documents)?.region_id;
    if (active !== this.#active) {
      for (const region of [active, this.#active]) if (region !== undefined) regions.add(region);
      this.#active = active;
    }
    if (regions.size > 0) {
      for (const [id, { value }] of documents.all('node')) if (regions.has(value.region_id)) nodes.add(id);
      this.#lookAtFleet();
    }
    const fresh = nodes.size > probedAtOnce ? [] : [...nodes].filter((id) => !this.#nodes.has(id));
    for (const id of nodes) this.#keepNode(id);
    for (const id of fresh) this.#probing.atOnce(id);
  }

  onObservations(observations: readonly Observation[]): void {
    const now = this.#components.clock.now();
    for (const observation of observations) {
      const { node_id: nodeId, observer, outcome, at, reason } = observation;
      if (!this.#nodes.has(nodeId)) continue;
      this.#recorder.add(observation);
      this.#apply(this.#detector.sighted({ nodeId, observer, outcome, at, reason }, now));
      this.#noteOpinions(nodeId, now);
    }
  }

  lastSawUp(regionId: string): number | null {
    return this.#detector.lastSawUp(regionId, this.#components.clock.now());
  }

  /** Who sees what belongs to the verdict: it is written down anew when that changes, though the status stays. */
  #noteOpinions(nodeId: string, now: number): void {
    const verdict = this.#detector.node(nodeId, now);
    if (!verdict) return;
    const sights = verdict.observers.map(({ observer, sees }) => `${observer} ${sees}`).join();
    if (this.#sights.get(nodeId) === sights) return;
    this.#sights.set(nodeId, sights);
    this.#putNode(nodeId, verdict);
  }

  #putNode(nodeId: string, verdict: NodeVerdict): void {
    const since = timestamp(verdict.since);
    this.#verdicts.put('node-verdict', nodeId, { ...verdict, since, observers: [...verdict.observers] });
  }

  #putRegion(regionId: string, verdict: RegionVerdict): void {
    this.#verdicts.put('region-verdict', regionId, {
      ...verdict,
      since: timestamp(verdict.since),
      observers: [],
    });
  }

  tick(): void {
    const { clock } = this.#components;
    if (clock.monotonic() - this.#lookedAt >= lookMs) {
      this.#lookedAt = clock.monotonic();
      this.#lookAtFleet();
    }
    for (const id of [...this.#behind].slice(0, rechosenAtOnce)) this.#keepNode(id);
    this.#apply(this.#detector.tick(clock.now()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#probing[Symbol.dispose]();
    await Promise.all([this.#verdicts[Symbol.asyncDispose](), this.#recorder[Symbol.asyncDispose]()]);
  }

  #lookAtFleet(): void {
    const types = this.#probeRegions.look();
    if (types.size === 0) return;
    for (const [id, { type }] of this.#nodes) if (types.has(type)) this.#behind.add(id);
  }

  /** In step with its document; whether that changes anything for its nodes. */
  #keepRegion(regionId: string): boolean {
    const { documents, clock } = this.#components;
    const region = documents.get('region', regionId)?.value;
    const was = this.#regions.get(regionId);
    if (was === region?.maintenance) return false;
    if (!region) {
      this.#regions.delete(regionId);
      this.#detector.removeRegion(regionId);
      this.#verdicts.put('region-verdict', regionId, null);
      return true;
    }
    const { maintenance } = region;
    this.#regions.set(regionId, maintenance);
    const known = was === undefined ? documents.get('region-verdict', regionId)?.value : undefined;
    const restored = known && { ...known, since: Date.parse(known.since) };
    this.#apply(this.#detector.setRegion({ regionId, maintenance }, clock.now(), restored));
    return true;
  }

  /** One node that cannot be probed must not take the others with it. */
  #keepNode(nodeId: string): void {
    try {
      this.#keepInStep(nodeId);
    } catch (error) {
      this.#components.log.error({ err: error, node: nodeId }, 'a node cannot be probed');
      const node = this.#components.documents.get('node', nodeId)?.value;
      this.#dropNode(nodeId, node, 'its probe cannot be made');
    }
  }

  /** With its document, its region and the fleet. */
  #keepInStep(nodeId: string): void {
    const { documents, settings, clock } = this.#components;
    this.#behind.delete(nodeId);
    const node = documents.get('node', nodeId)?.value;
    const was = this.#nodes.get(nodeId);
    const another = was !== undefined && was.node.created_at !== node?.created_at;
    const watched = node !== undefined && this.#regions.has(node.region_id) && node.probe.enabled !== false;
    if (another || !watched) this.#dropNode(nodeId, watched ? undefined : node);
    if (!watched) return;
    const { region_id: regionId } = node;
    const { type } = probeOf(node, settings.pace.timeoutMs);
    this.#nodes.set(nodeId, { node, type });
    const withWorkers = this.#probeRegions.of(type);
    const observers = chooseObservers({ nodeId, regionId, withWorkers, count: settings.pace.observers });
    const intervalMs = node.probe.interval_ms ?? this.#intervalIn(regionId);
    const known = was ? undefined : documents.get('node-verdict', nodeId)?.value;
    const restored = known && { ...known, status: nodeStatusOf(known), since: Date.parse(known.since) };
    this.#apply(this.#detector.setNode({ nodeId, regionId, observers, intervalMs }, clock.now(), restored));
    // In maintenance a node may well be down, and is left in peace.
    if (this.#regions.get(regionId)) this.#probing.remove(nodeId);
    else this.#probing.set({ node, observers, intervalMs });
  }

  #intervalIn(regionId: string): number {
    const { activeIntervalMs, intervalMs } = this.#components.settings.pace;
    return regionId === this.#active ? activeIntervalMs : intervalMs;
  }

  /** @param node what there still is of it; its verdict then says why it is not watched */
  #dropNode(nodeId: string, node: NodeRecord | undefined, reason = notProbed): void {
    const { clock } = this.#components;
    this.#nodes.delete(nodeId);
    this.#sights.delete(nodeId);
    this.#probing.remove(nodeId);
    this.#apply(this.#detector.removeNode(nodeId, clock.now()));
    const status = node && this.#regions.has(node.region_id) ? 'unknown' : null;
    const since = timestamp(clock.now());
    const unwatched: Verdict | null = status && {
      status,
      reason,
      since,
      quarantined: false,
      observers: [],
    };
    this.#verdicts.put('node-verdict', nodeId, unwatched);
  }

  /** What another holder wrote of a node or region that was deleted at the same moment. */
  #removeStrays(): void {
    const { documents } = this.#components;
    for (const id of documents.all('node-verdict').keys()) {
      if (!documents.get('node', id)) this.#verdicts.put('node-verdict', id, null);
    }
    for (const id of documents.all('region-verdict').keys()) {
      if (!documents.get('region', id)) this.#verdicts.put('region-verdict', id, null);
    }
  }

  #apply(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'look_again') {
        this.#probing.again(effect.nodeId, effect.observer, effect.at);
        continue;
      }
      if (effect.kind === 'region') {
        this.#putRegion(effect.regionId, effect.verdict);
        continue;
      }
      this.#putNode(effect.nodeId, effect.verdict);
      // How many of its nodes are down is part of what is said of a region.
      const region = this.#detector.region(effect.regionId);
      if (region) this.#putRegion(effect.regionId, region);
    }
  }
}

/** A node is never `degraded`; the documents of nodes and regions have one shape. */
function nodeStatusOf({ status }: Verdict): 'online' | 'offline' | 'maintenance' | 'unknown' {
  return status === 'degraded' ? 'unknown' : status;
}
