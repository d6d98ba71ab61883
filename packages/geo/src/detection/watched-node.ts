import { type NodeStatus, type Opinion, timestamp } from '@tenma/protocol';
import type { NodeVerdict, WatchedNode } from './detector.ts';
import { damped, type Flaps, noFlaps, releaseAt } from './flap-damping.ts';
import { nodeVerdictOf, type Seen } from './node-verdict.ts';
import { blank, isFresh, type ObserverView } from './observer-view.ts';

/** A node with all that is known of it. Only the detector changes it. */
export interface NodeState {
  watched: WatchedNode;
  readonly views: Map<string, ObserverView>;
  /** Until when an observer has already been told to look again; Unix ms. */
  readonly toldFor: Map<string, number>;
  seen: Seen;
  /** What was seen last, silence apart: what goes from there to `offline` went down. */
  lastKnown: Seen;
  /** Until then a first verdict waits for more observers, and what was restored counts. */
  waitUntil: number;
  restoredUntil: number;
  flaps: Flaps;
  maintenance: boolean;
  status: NodeStatus;
  reason: string | null;
  since: number;
  /** When time alone may change its verdict. */
  dueAt: number;
}

export function newNode(watched: WatchedNode, now: number, freshMs: number): NodeState {
  return {
    watched,
    views: new Map(),
    toldFor: new Map(),
    seen: 'unknown',
    lastKnown: 'unknown',
    waitUntil: now + freshMs,
    restoredUntil: 0,
    flaps: noFlaps,
    maintenance: false,
    status: 'unknown',
    reason: null,
    since: now,
    dueAt: now + freshMs,
  };
}

/**
 * Takes over what was written down, as if it had been seen just now. Of a node in quarantine only that it was: it was
 * not written down whether it is seen up meanwhile.
 */
export function restore(node: NodeState, verdict: NodeVerdict, now: number, freshMs: number): void {
  const { status, reason, since, quarantined, observers } = verdict;
  Object.assign(node, { status, reason, since });
  node.flaps = { ...noFlaps, quarantined };
  if (status === 'maintenance' || status === 'unknown') return;
  node.lastKnown = status;
  if (quarantined) return;
  node.seen = status;
  node.restoredUntil = now + freshMs;
  for (const { observer, sees, failures, reason: why } of observers) {
    if (sees !== 'up' && sees !== 'down') continue;
    if (!node.watched.observers.includes(observer)) continue;
    node.views.set(observer, {
      ...blank,
      sees,
      failures,
      failingSince: now,
      freshUntil: now + freshMs,
      reason: why,
    });
  }
}

/** Judges the node by what is known at `now`; whether its status or quarantine is another one than before. */
export function settleNode(node: NodeState, now: number): boolean {
  const { status, flaps } = node;
  const ballot = countVotes(node, now);
  node.seen = nodeVerdictOf({
    ...ballot,
    was: node.seen,
    waiting: now < node.waitUntil,
    restored: now < node.restoredUntil,
  });
  const wentDown = node.lastKnown === 'online' && node.seen === 'offline';
  if (node.seen !== 'unknown') node.lastKnown = node.seen;
  node.flaps = damped(flaps, { wentDown, isUp: node.seen === 'online' }, now);
  node.status = statusOf(node);
  if (node.status !== status) node.since = now;
  const changed = node.status !== status || node.flaps.quarantined !== flaps.quarantined;
  if (changed) node.reason = reasonOf(node, now);
  node.dueAt = dueOf(node, now);
  return changed;
}

function countVotes({ watched, views }: NodeState, now: number) {
  let up = 0;
  let down = 0;
  for (const observer of watched.observers) {
    const view = views.get(observer);
    if (!view || !isFresh(view, now)) continue;
    if (view.sees === 'up') up += 1;
    if (view.sees === 'down') down += 1;
  }
  return { up, down, observers: watched.observers.length };
}

function statusOf({ maintenance, flaps, seen }: NodeState): NodeStatus {
  if (maintenance) return 'maintenance';
  return flaps.quarantined ? 'offline' : seen;
}

function reasonOf(node: NodeState, now: number): string | null {
  if (node.maintenance) return 'its region is in maintenance';
  if (node.seen === 'offline') {
    const views = [...node.views.values()].filter((view) => view.sees === 'down' && isFresh(view, now));
    return views.find(({ reason }) => reason !== null)?.reason ?? 'down';
  }
  if (node.flaps.quarantined) return 'in quarantine: it goes down again and again';
  return node.seen === 'unknown' ? 'no fresh answer' : null;
}

/** The first moment after `now` at which an answer goes stale, a wait ends or a quarantine does. */
function dueOf(node: NodeState, now: number): number {
  let due = releaseAt(node.flaps);
  for (const view of node.views.values()) if (view.freshUntil > now) due = Math.min(due, view.freshUntil);
  if (node.waitUntil > now && node.seen === 'unknown') due = Math.min(due, node.waitUntil);
  if (node.restoredUntil > now) due = Math.min(due, node.restoredUntil);
  return due;
}

export function verdictOf(node: NodeState, now: number): NodeVerdict {
  const { watched, status, reason, since, flaps } = node;
  const observers = watched.observers.map((observer) => opinionOf(observer, node.views.get(observer), now));
  return { status, reason, since, quarantined: flaps.quarantined, observers };
}

function opinionOf(observer: string, view: ObserverView = blank, now: number): Opinion {
  return {
    observer,
    sees: isFresh(view, now) ? view.sees : 'nothing',
    failures: view.failures,
    at: view.at === null ? null : timestamp(view.at),
    reason: view.reason,
  };
}
