import type { TaskControl } from '@tenma/store';
import { next, type Step, startBy } from './step.ts';

/**
 * The active region has moved away from one: a task for `active` or `any` that stands there in a queue is placed anew.
 * One for that region itself waits for it; one that runs goes on.
 */
export function onRegionLeft(control: TaskControl, region: string, now: number): Step | null {
  const { spec, life } = control;
  const movable = spec.region === 'active' || spec.region === 'any';
  if (!movable || life.state !== 'queued' || life.placement?.region !== region) return null;
  const reason = `region ${region} was left: placed anew`;
  const settledNo = life.dispatchNo;
  return { life: next(life, { state: 'waiting', settledNo, reason, dueAt: now, clockAt: startBy(control) }) };
}
