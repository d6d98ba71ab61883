import type { ServerResponse } from 'node:http';
import {
  createUuidV7,
  type FailoverEvent,
  type FailoverRequest,
  failoverRequestSchema,
  type Problem,
  problem,
  timestamp,
} from '@tenma/protocol';
import { parse } from './fake-collection.ts';
import { activeRegion, type FakeGeo } from './fake-geo.ts';
import { type RecordedRequest, sendJson, sendProblem } from './replies.ts';

type Rejected = FailoverEvent['evidence']['rejected'];

/** A failover by hand: judged as LE judges it, without a cool-down. */
export function answerFailover(geo: FakeGeo, request: RecordedRequest, response: ServerResponse): void {
  const parsed = parse(failoverRequestSchema, request.body);
  if (!parsed.ok) return void sendProblem(response, parsed.problem);
  const order = parsed.value;
  const choice = choose(geo, order);
  if ('status' in choice) return void sendProblem(response, choice);
  const epoch = order.dry_run ? geo.active.epoch : geo.active.epoch + 1;
  const event = eventOf(geo, order, choice.to, epoch, choice.rejected);
  if (!order.dry_run) {
    geo.active = activeRegion(choice.to, epoch);
    geo.events.unshift(event);
  }
  sendJson(response, 200, { status: order.dry_run ? 'failover_planned' : 'failover_executed', event });
}

/** The target, or why there is none. */
function choose(geo: FakeGeo, order: FailoverRequest): { to: string; rejected: Rejected } | Problem {
  const refused = (detail: string) => problem('failover_refused', { detail });
  if (order.to_region !== undefined && !geo.regions.all.has(order.to_region)) {
    return problem('unknown_region', { detail: `there is no region ${order.to_region}` });
  }
  if (order.from_region !== geo.active.region_id)
    return refused(`${order.from_region} is not the active region`);
  if (order.from_region === order.to_region) return refused('A region cannot fail over to itself');
  const others = [...geo.regions.all.keys()]
    .flatMap((id) => geo.regions.view(id) ?? [])
    .filter(
      ({ region_id }) => region_id !== order.from_region && (order.to_region ?? region_id) === region_id,
    )
    .sort((a, b) => a.priority - b.priority);
  const target = others.find(({ status }) => status === 'online');
  const rejected = others
    .filter(({ status }) => status !== 'online')
    .map(({ region_id, status }) => ({ region_id, reason: `it is ${status}` }));
  if (target !== undefined) return { to: target.region_id, rejected };
  return refused(
    rejected.map(({ region_id, reason }) => `${region_id}: ${reason}`).join('; ') || 'No other region',
  );
}

function eventOf(
  geo: FakeGeo,
  { from_region, reason, triggered_by, dry_run }: FailoverRequest,
  to_region: string,
  epoch: number,
  rejected: Rejected,
): FailoverEvent {
  const left = [...geo.nodes.all.values()].filter(({ region_id }) => region_id === from_region);
  return {
    event_id: createUuidV7(Date.now, (bytes) => crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>))(),
    kind: 'failover',
    from_region,
    to_region,
    reason,
    triggered_by,
    dry_run,
    epoch,
    timestamp: timestamp(Date.now()),
    success: true,
    automatic: false,
    detected_at: null,
    replaced_tasks: 0,
    evidence: {
      nodes: left.map(({ node_id, status, observers }) => ({ node_id, status, observers })),
      confirmations: [],
      confirmed_from: null,
      rejected,
      task_id: null,
    },
  };
}
