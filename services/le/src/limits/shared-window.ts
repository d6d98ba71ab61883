import { defaults } from '@tenma/protocol';
import { type Clock, every } from '@tenma/runtime';
import type { Lane } from '@tenma/store';
import { createWindow } from '../window.ts';

/**
 * Keeps the queues in the broker short, as the dispatcher's window does for tasks without a limit. All keys of a type
 * and region share it, and several of them claim at the same time.
 */
export interface SharedWindow extends Disposable {
  /** Room beside what claims under way may take; `urgent`: the room that only urgent tasks have. */
  room(lane: Lane, urgent: boolean): number;
  /** What the lane waits for where it has no room; those that wait for the same share a name. */
  nameOf(lane: Lane, urgent: boolean): string;
  /** The claim of so many is under way. */
  reserve(lane: Lane, urgent: boolean, count: number): Disposable;
  take(lane: Lane, taskId: string, urgent: boolean): void;
  /** It stands in the queue of a pool. */
  refresh(taskId: string): void;
  /** A lane that shares the room which has come of it; undefined where it had none. */
  release(taskId: string, how: 'started' | 'returned'): Lane | undefined;
}

const measureMs = 500;

export function createSharedWindow(clock: Clock): SharedWindow {
  const window = createWindow();
  /** By name: room for claims that are under way. */
  const reserved = new Map<string, number>();
  const reservedOf = (lane: Lane, urgent: boolean) => reserved.get(nameOf(lane, urgent)) ?? 0;
  const add = (name: string, count: number) => void reserved.set(name, (reserved.get(name) ?? 0) + count);
  const measuring = every(clock, measureMs, () =>
    window.measure(measureMs, clock.now() - 2 * defaults.dispatchLeaseMs),
  );
  return {
    room: (lane, urgent) => window.free(unkeyed(lane), urgent) - reservedOf(lane, urgent),
    nameOf,
    reserve(lane, urgent, count) {
      const name = nameOf(lane, urgent);
      add(name, count);
      return { [Symbol.dispose]: () => add(name, -count) };
    },
    take: (lane, taskId, urgent) => window.take(unkeyed(lane), taskId, clock.now(), urgent),
    refresh: (taskId) => window.refresh(taskId, clock.now()),
    release: (taskId, how) => window.release(taskId, how)?.lane,
    [Symbol.dispose]: () => measuring[Symbol.dispose](),
  };
}

function unkeyed({ type, region }: Lane): Lane {
  return { type, region, limitKey: '' };
}

function nameOf({ type, region }: Lane, urgent: boolean): string {
  return `${urgent ? 'urgent window' : 'window'} ${type}/${region}`;
}
