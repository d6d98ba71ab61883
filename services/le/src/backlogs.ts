import type { Lane } from '@tenma/store';
import { laneKey } from './window.ts';

/** Of a lane: what of it may be due in the store. */
export interface Backlog {
  readonly lane: Lane;
  readonly urgent: boolean;
  readonly usual: boolean;
}

/** Lanes that may have due tasks in the store. A new task of such a lane queues up behind them. */
export interface Backlogs {
  readonly size: number;
  /** Those that there are now, whatever is marked or ended meanwhile. */
  all(): readonly Backlog[];
  /** Whether a new task has others before it. */
  standsBefore(lane: Lane, urgent: boolean): boolean;
  /** Whether room can be used: for urgent tasks by those alone. */
  canFill(lane: Lane, urgent: boolean): boolean;
  mark(lane: Lane, urgent: boolean): void;
  /** The store had no more of these. */
  ended(lane: Lane, which: 'urgent' | 'all'): void;
}

export function createBacklogs(): Backlogs {
  const lanes = new Map<string, { lane: Lane; urgent: boolean; usual: boolean }>();
  return {
    get size() {
      return lanes.size;
    },
    all: () => [...lanes.values()],
    standsBefore(lane, urgent) {
      const backlog = lanes.get(laneKey(lane));
      return (urgent ? backlog?.urgent : backlog?.usual) ?? false;
    },
    canFill(lane, urgent) {
      const backlog = lanes.get(laneKey(lane));
      return backlog !== undefined && (backlog.urgent || !urgent);
    },
    mark(lane, urgent) {
      const key = laneKey(lane);
      const backlog = lanes.get(key) ?? { lane, urgent: false, usual: false };
      backlog[urgent ? 'urgent' : 'usual'] = true;
      lanes.set(key, backlog);
    },
    ended(lane, which) {
      const backlog = lanes.get(laneKey(lane));
      if (!backlog) return;
      backlog.urgent = false;
      if (which === 'all') backlog.usual = false;
      if (!backlog.usual) lanes.delete(laneKey(lane));
    },
  };
}
