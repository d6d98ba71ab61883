import { type NodeRecord, observePrincipal, type SubmissionInput } from '@tenma/protocol';
import { type Clock, slotAfter, splayOf } from '@tenma/runtime';
import { type NodeProbe, probeOf, probeTask } from './node-probe.ts';
import type { Scheduler } from './scheduler.ts';

/** A node that is to be probed: from these regions, by each of them once an interval. */
export interface ProbeTarget {
  readonly node: NodeRecord;
  readonly observers: readonly string[];
  readonly intervalMs: number;
}

/** Has nodes probed slot by slot. Their slots are always the same, spread evenly over the interval. */
export interface Probing extends Disposable {
  /** From now on, or otherwise than before. */
  set(target: ProbeTarget): void;
  remove(nodeId: string): void;
  /** Besides the slots, now, by all its observers: nobody wants to wait for the first verdict on a new node. */
  atOnce(nodeId: string): void;
  /** Besides the slots, at a moment (Unix ms); not if the observer no longer looks at the node by then. */
  again(nodeId: string, observer: string, at: number): void;
}

interface Components {
  readonly scheduler: Scheduler;
  readonly clock: Clock;
}

interface Probed extends ProbeTarget {
  readonly probe: NodeProbe;
}

export function startProbing({ scheduler, clock }: Components, timeoutMs: number): Probing {
  const targets = new Map<string, Probed>();

  function tasks(nodeId: string, observer: string, slot: number, at: number): SubmissionInput[] {
    const target = targets.get(nodeId);
    if (!target?.observers.includes(observer)) return [];
    const { node, probe, intervalMs } = target;
    return [probeTask({ node, observer, probe, slot, at, intervalMs, timeoutMs })];
  }

  function schedule(nodeId: string, observer: string, intervalMs: number): void {
    const offset = offsetOf(nodeId, observer, intervalMs);
    scheduler.set({
      id: recurringId(nodeId, observer),
      principal: observePrincipal,
      slotAfter: (after) => slotAfter(after, intervalMs, offset),
      tasksFor: (slot) => tasks(nodeId, observer, slot, slot),
    });
  }

  function remove(nodeId: string): void {
    const target = targets.get(nodeId);
    targets.delete(nodeId);
    for (const observer of target?.observers ?? []) scheduler.remove(recurringId(nodeId, observer));
  }

  function again(nodeId: string, observer: string, wantedAt: number): void {
    const { intervalMs } = targets.get(nodeId) ?? {};
    if (intervalMs === undefined) return;
    const at = Math.max(wantedAt, clock.now());
    const slot = slotAfter(at, intervalMs, offsetOf(nodeId, observer, intervalMs)) - intervalMs;
    scheduler.once(at, observePrincipal, () => tasks(nodeId, observer, slot, at));
  }

  return {
    set(target) {
      const { node, observers, intervalMs } = target;
      const was = targets.get(node.node_id);
      targets.set(node.node_id, { ...target, probe: probeOf(node, timeoutMs) });
      for (const observer of was?.observers ?? []) {
        if (!observers.includes(observer)) scheduler.remove(recurringId(node.node_id, observer));
      }
      for (const observer of observers) {
        const stays = was?.intervalMs === intervalMs && was.observers.includes(observer);
        if (!stays) schedule(node.node_id, observer, intervalMs);
      }
    },
    remove,
    again,
    atOnce(nodeId) {
      for (const observer of targets.get(nodeId)?.observers ?? []) again(nodeId, observer, clock.now());
    },
    [Symbol.dispose]() {
      for (const nodeId of targets.keys()) remove(nodeId);
    },
  };
}

function recurringId(nodeId: string, observer: string): string {
  return `observe:${nodeId}:${observer}`;
}

function offsetOf(nodeId: string, observer: string, intervalMs: number): number {
  return splayOf(`${nodeId}:${observer}`, intervalMs);
}
