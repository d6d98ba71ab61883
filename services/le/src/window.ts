import type { Lane } from '@tenma/store';

export interface WindowOptions {
  /** Tasks of a lane that may always be out. */
  readonly minimum: number;
  /** Urgent tasks, besides those. */
  readonly urgentMinimum: number;
  readonly maximum: number;
  /** The share of a second's starts that may be out beyond the minimum. */
  readonly aheadMs: number;
}

/**
 * How many tasks of each lane are sent out and not yet started. Keeps queues in the broker short, so that priority,
 * fairness, cancelling and placing anew are decided in the store. Urgent tasks have room of their own, so that they do
 * not wait until others have started.
 */
export interface Window {
  /** Room in the lane; `urgent`: for urgent tasks. */
  free(lane: Lane, urgent?: boolean): number;
  /** Counts the task as out. Sending one again does not count it twice. */
  take(lane: Lane, taskId: string, now: number, urgent?: boolean): void;
  /** It stands in the queue of a pool: still out, and heard of now. */
  refresh(taskId: string, now: number): void;
  /** It started or ended, or it came back without having started. Returns where there is room now, if it was out. */
  release(taskId: string, how: 'started' | 'returned'): Room | undefined;
  /** Measures the pace; call it every `elapsedMs`. Forgets tasks that were sent before `forgetBefore`. */
  measure(elapsedMs: number, forgetBefore: number): void;
}

export interface Room {
  readonly lane: Lane;
  readonly urgent: boolean;
}

interface LaneState extends Room {
  readonly minimum: number;
  readonly out: Map<string, number>;
  limit: number;
  started: number;
  perMs: number;
}

export const defaultWindow: WindowOptions = {
  minimum: 2_000,
  urgentMinimum: 500,
  maximum: 5_000,
  aheadMs: 500,
};

export function createWindow(options: WindowOptions = defaultWindow): Window {
  const lanes = new Map<string, LaneState>();
  const laneOf = new Map<string, LaneState>();

  function state(lane: Lane, urgent: boolean): LaneState {
    const key = urgent ? `${laneKey(lane)}/urgent` : laneKey(lane);
    let found = lanes.get(key);
    if (!found) {
      const minimum = urgent ? options.urgentMinimum : options.minimum;
      found = { lane, urgent, minimum, out: new Map(), limit: minimum, started: 0, perMs: 0 };
      lanes.set(key, found);
    }
    return found;
  }

  return {
    free: (lane, urgent = false) => {
      const { limit, out } = state(lane, urgent);
      return Math.max(0, limit - out.size);
    },
    take(lane, taskId, now, urgent = false) {
      const found = state(lane, urgent);
      const before = laneOf.get(taskId);
      if (before !== found) before?.out.delete(taskId);
      found.out.set(taskId, now);
      laneOf.set(taskId, found);
    },
    refresh(taskId, now) {
      const found = laneOf.get(taskId);
      if (!found) return;
      // To the end: the measure looks at the oldest first.
      found.out.delete(taskId);
      found.out.set(taskId, now);
    },
    release(taskId, how) {
      const found = laneOf.get(taskId);
      if (!found) return undefined;
      laneOf.delete(taskId);
      found.out.delete(taskId);
      if (how === 'started') found.started += 1;
      return found;
    },
    measure(elapsedMs, forgetBefore) {
      for (const [key, lane] of lanes) {
        for (const [taskId, at] of lane.out) {
          if (at >= forgetBefore) break;
          lane.out.delete(taskId);
          laneOf.delete(taskId);
        }
        lane.perMs = 0.5 * lane.perMs + 0.5 * (lane.started / elapsedMs);
        lane.started = 0;
        const ahead = Math.round(lane.perMs * options.aheadMs);
        lane.limit = Math.min(options.maximum, Math.max(lane.minimum, ahead));
        if (lane.out.size === 0 && lane.perMs < 1e-6) lanes.delete(key);
      }
    },
  };
}

export function laneKey({ type, region }: Lane): string {
  return `${type}/${region}`;
}
