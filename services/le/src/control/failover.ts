import { type FailoverWish, judgeFailover, type PassedOver, roundTripsFrom } from '@tenma/geo';
import {
  type ActiveRegion,
  type FailoverEvent,
  type FailoverRequest,
  type Problem,
  problem,
  timestamp,
} from '@tenma/protocol';
import type { Clock, Log } from '@tenma/runtime';
import type { FleetWatch } from '../fleet-watch.ts';
import type { DocumentCache } from '../documents/document-cache.ts';
import { activeRegionId } from '../documents/kinds.ts';
import { unknownRegion } from '../geo/known-regions.ts';
import type { GeoSettings } from '../geo/settings.ts';
import { candidates, latencySight, regionVerdict } from '../geo/view.ts';
import { evidenceOf, type Grounds } from './evidence.ts';
import type { TaskMover } from './task-mover.ts';

/** Who may move `active`: by hand, or on the proposal of a `region-failover` task. */
export interface FailoverControl {
  /** Judged, written down, tasks placed anew; then answered. @throws StoreUnavailableError */
  request(
    request: FailoverRequest,
    grounds?: Grounds,
  ): Promise<{ event: FailoverEvent } | { problem: Problem }>;
  /** Sets the active region by hand, whatever the cool-down. @throws StoreUnavailableError */
  activate(regionId: string): Promise<{ active: ActiveRegion } | { problem: Problem }>;
}

const byHand: Grounds = {
  automatic: false,
  taskId: null,
  detectedAt: null,
  confirmedFrom: null,
  confirmations: [],
};

interface Components {
  readonly documents: DocumentCache;
  readonly fleet: Pick<FleetWatch, 'view'>;
  readonly mover: TaskMover;
  readonly settings: GeoSettings;
  readonly clock: Clock;
  readonly log: Log;
  readonly newId: () => string;
}

/** Lost races for the epoch after which the caller is told. */
const triesMax = 3;

export function createFailoverControl(components: Components): FailoverControl {
  return {
    async request(request, grounds = byHand) {
      for (let tries = 0; tries < triesMax; tries += 1) {
        const done = await attempt(components, request, grounds);
        if (done) return done;
      }
      return { problem: problem('changed_meanwhile') };
    },
    async activate(regionId) {
      for (let tries = 0; tries < triesMax; tries += 1) {
        const done = await activate(components, regionId);
        if (done) return done;
      }
      return { problem: problem('changed_meanwhile') };
    },
  };
}

/** Null when somebody else moved the active region meanwhile: to be judged anew. */
async function attempt(
  components: Components,
  request: FailoverRequest,
  grounds: Grounds,
): Promise<{ event: FailoverEvent } | { problem: Problem } | null> {
  const { documents, mover, clock, log, newId } = components;
  const active = documents.get('active-region', activeRegionId);
  if (!active) return { problem: problem('store_unavailable') };
  const judged = judge(components, active.value, request, grounds.automatic);
  if ('problem' in judged) return judged;
  const { to, passedOver } = judged;
  const { reason, triggered_by, dry_run } = request;
  const at = timestamp(clock.now());
  const event: FailoverEvent = {
    event_id: newId(),
    kind: 'failover',
    from_region: request.from_region,
    to_region: to,
    timestamp: at,
    reason,
    triggered_by,
    success: true,
    dry_run,
    automatic: grounds.automatic,
    epoch: dry_run ? active.value.epoch : active.value.epoch + 1,
    detected_at: grounds.detectedAt,
    replaced_tasks: 0,
    evidence: evidenceOf(documents, request.from_region, grounds, passedOver),
  };
  if (dry_run) return { event };
  const lost = await documents.write([
    switchTo(to, event.epoch, at, active.version),
    { kind: 'failover', id: event.event_id, expected: 0, value: event },
  ]);
  if (lost) return null;
  const { from_region: from, epoch } = event;
  log.warn({ from, to, epoch, reason, by: triggered_by }, 'failover: the active region has moved');
  const replaced = await mover.leave(from, epoch);
  return { event: await noteReplaced(documents, event, replaced) };
}

function judge(
  { documents, fleet, settings, clock }: Components,
  active: ActiveRegion,
  request: FailoverRequest,
  automatic: boolean,
): { to: string; passedOver: readonly PassedOver[] } | { problem: Problem } {
  const now = clock.now();
  for (const named of [request.from_region, request.to_region]) {
    if (named !== undefined && !documents.get('region', named)) {
      return { problem: unknownRegion(documents, named) };
    }
  }
  const { from_region: from, to_region: to, prefer } = request;
  const wish: FailoverWish = { from, to, prefer, automatic };
  const judgement = judgeFailover(wish, {
    regions: candidates(documents, regionsWithWorkers(fleet)),
    active: { regionId: active.region_id, epoch: active.epoch },
    lastFailoverAt: lastFailoverAt(documents, now),
    cooldownMs: settings.cooldownMs,
    now,
    roundTripMs: roundTripsOf(from, documents, now),
  });
  if (judgement.allowed) return judgement;
  const { code, reason: detail, retryAfterMs } = judgement;
  return { problem: problem(code, { detail, ...(retryAfterMs === null ? {} : { retryAfterMs }) }) };
}

/** From one region to each, worked out for all at the first question: most refusals ask none. */
function roundTripsOf(from: string, documents: DocumentCache, now: number): (to: string) => number {
  let known: ReadonlyMap<string, number> | undefined;
  return (to) => {
    known ??= roundTripsFrom(from, [...documents.all('region').keys()], latencySight(documents, now));
    return known.get(to) ?? Number.POSITIVE_INFINITY;
  };
}

/** The one nearest to now: one that a wrong clock has put into the future must not hide the others. */
function lastFailoverAt(documents: DocumentCache, now: number): number | null {
  return [...documents.all('failover').values()]
    .filter(({ value }) => value.kind === 'failover' && value.success && !value.dry_run)
    .map(({ value }) => Date.parse(value.timestamp))
    .reduce<number | null>(
      (best, at) => (best === null || Math.abs(now - at) < Math.abs(now - best) ? at : best),
      null,
    );
}

function switchTo(regionId: string, epoch: number, since: string, expected: number) {
  const value: ActiveRegion = { active_region: regionId, region_id: regionId, epoch, since };
  return { kind: 'active-region', id: activeRegionId, expected, value } as const;
}

/** The count is for the reader: that it could not be written takes nothing back. */
async function noteReplaced(
  documents: DocumentCache,
  event: FailoverEvent,
  replaced: number,
): Promise<FailoverEvent> {
  const counted = { ...event, replaced_tasks: replaced };
  if (replaced > 0) {
    await documents
      .write([{ kind: 'failover', id: event.event_id, expected: 'any', value: counted }])
      .catch(() => undefined);
  }
  return counted;
}

async function activate(
  { documents, mover, clock, log, newId }: Components,
  regionId: string,
): Promise<{ active: ActiveRegion } | { problem: Problem } | null> {
  const active = documents.get('active-region', activeRegionId);
  if (!active) return { problem: problem('store_unavailable') };
  const region = documents.get('region', regionId);
  if (!region) return { problem: unknownRegion(documents, regionId) };
  if (active.value.region_id === regionId) return { active: active.value };
  const { status } = regionVerdict(documents, region.value);
  if (status === 'offline' || status === 'maintenance') {
    const detail = `${regionId} is ${status === 'offline' ? 'offline' : 'in maintenance'}`;
    return { problem: problem('failover_refused', { detail }) };
  }
  const { epoch } = active.value;
  const write = switchTo(regionId, epoch + 1, timestamp(clock.now()), active.version);
  // The region as it was read: it must still be there when `active` points to it.
  const kept = { kind: 'region', id: regionId, expected: region.version, value: region.value } as const;
  const event = activation(active.value.region_id, write.value, newId());
  const noted = { kind: 'failover', id: event.event_id, expected: 0, value: event } as const;
  if (await documents.write([write, kept, noted])) return null;
  log.warn(
    { from: active.value.region_id, to: regionId, epoch: epoch + 1 },
    'the active region was set by hand',
  );
  await mover.leave(active.value.region_id, epoch + 1);
  return { active: write.value };
}

/** For the history: a move by hand is one, too. */
function activation(
  from: string,
  { region_id, since, epoch }: ActiveRegion,
  event_id: string,
): FailoverEvent {
  return {
    event_id,
    kind: 'activation',
    from_region: from,
    to_region: region_id,
    timestamp: since,
    reason: 'set_by_hand',
    triggered_by: 'operator',
    success: true,
    dry_run: false,
    automatic: false,
    epoch,
    detected_at: null,
    replaced_tasks: 0,
    evidence: { nodes: [], confirmations: [], confirmed_from: null, rejected: [], task_id: null },
  };
}

function regionsWithWorkers({ view }: Pick<FleetWatch, 'view'>): ReadonlySet<string> {
  return new Set([...view.pools.values()].map(({ region }) => region));
}
