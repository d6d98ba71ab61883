import { emptyFleet, type FleetView, withPresence } from '@tenma/fleet';
import {
  idleReport,
  type Placement,
  type PoolPresence,
  type Presence,
  taskError,
  type TaskEvent,
} from '@tenma/protocol';
import type { TaskControl, TaskLife, TaskSpec } from '@tenma/store';
import { after, finished, queued, specForTest, t0 } from '../lifecycle/fixture.ts';
import { firstLife } from '../lifecycle/accept.ts';
import { weeWith } from '../releases/fixture.ts';
import type { Surroundings } from './surroundings.ts';

/** Builders for the tests of this folder, and what the tasks in them have around them. */
export const placement: Placement = {
  region: 'london',
  pool: 'echo-v1',
  score: 19.3,
  parts: { wait_ms: 7.3, round_trip_ms: 12, penalty_ms: 0 },
  rejected: [
    { pool: 'dublin/echo-v1', reason: 'score 102 ms', score: 102 },
    { pool: 'tokyo/echo-v1', reason: 'lacks label gpu' },
  ],
};

export function presence(changes: Partial<Presence> = {}, pool: Partial<PoolPresence> = {}): Presence {
  const served = {
    pool: 'echo-v1',
    type: 'echo',
    version: '1.2.0',
    labels: ['gpu'],
    queue: 'q',
    mean_ms: 20,
  };
  return weeWith('wee-1', [], {
    region: 'london',
    labels: ['gpu'],
    pools: [{ ...served, slots: 300, busy: 299, running: 299, held: 10, ...pool }],
    versions: [],
    queue: 'own',
    ...changes,
  });
}

export const fleetOf = (...all: Presence[]): FleetView =>
  all.reduce((fleet, one) => withPresence(fleet, one, 0), emptyFleet);

export const candidate = {
  ...idleReport,
  type: 'echo',
  version: '1.3.0',
  role: 'candidate' as const,
  processes: 1,
  runs: 3,
  failures: 1,
  mean_ms: 5,
  verdict: 'trying' as const,
};

/** Two seconds after it was made. */
export const around: Surroundings = {
  now: t0 + 2_000,
  fleet: fleetOf(presence()),
  activeRegion: 'tokyo',
  statusOf: () => 'online',
  due: 0,
  limited: null,
};

export const gpu = { near: 'dublin', requires: { labels: ['gpu'] } } satisfies Partial<TaskSpec>;
export const waitingFor = (reason: string): TaskEvent => {
  const { task_id, dispatch_no, at } = queued();
  return { kind: 'waiting', task_id, dispatch_no, at, reason };
};
export const said = (events: readonly TaskEvent[], spec: Partial<TaskSpec> = {}): TaskControl =>
  after(events, specForTest(spec));
export const fresh = (spec: Partial<TaskSpec> = {}): TaskControl => {
  const made = specForTest(spec);
  return { spec: made, life: firstLife(made, t0) };
};
export const with_ = ({ spec, life }: TaskControl, changes: Partial<TaskLife>): TaskControl => ({
  spec,
  life: { ...life, ...changes },
});
/** Sent two seconds after it was made: nobody has told of it yet. */
export const out = (task: TaskControl): TaskControl =>
  with_(task, { dispatchNo: task.life.dispatchNo + 1, dueAt: t0 + 32_000 });
export const failed = finished({
  outcome: 'failed',
  version: '1.3.0',
  error: taskError('worker_error', 'the disk is full'),
});
