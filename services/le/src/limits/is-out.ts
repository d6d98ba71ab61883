import { isTerminal } from '@tenma/protocol';
import type { TaskControl } from '@tenma/store';

/**
 * Whether the task is sent and has not ended; due again it counts as not sent, unless it runs all the same. As the
 * store's `sentTasks`.
 */
export function isOut({ life }: TaskControl, now: number): boolean {
  if (isTerminal(life.state)) return false;
  return (
    life.state === 'running' || life.dueAt === null || (life.dueAt > now && life.dispatchNo > life.settledNo)
  );
}
