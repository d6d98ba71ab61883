import type { TaskState } from '@tenma/protocol';
import type { TaskControl } from '@tenma/store';
import { startBy } from '../lifecycle/index.ts';
import { explainEnded, explainFailure, explainSuccess } from './explain-end.ts';
import {
  demandLines,
  loadLine,
  takerOf,
  placementLines,
  poolInWords,
  targetInWords,
} from './explain-placement.ts';
import { explainDue, explainRetrying, explainScheduled, explainWaiting, isOut } from './explain-unplaced.ts';
import { counted, expiryLine, span, until } from './in-words.ts';
import type { Explain, Explanation, Surroundings } from './surroundings.ts';

/** Where a task is and why, in plain words, whatever its state: why here, why not yet, how it ended. */
export function explainTask(task: TaskControl, around: Surroundings): Explanation {
  const { summary, lines } = byState[task.life.state](task, around);
  return { summary, lines: [...lines, ...demandLines(task.spec)] };
}

const byState = {
  accepted: explainDue,
  scheduled: explainScheduled,
  waiting: explainWaiting,
  queued: explainQueued,
  running: explainRunning,
  retrying: explainRetrying,
  succeeded: explainSuccess,
  failed: explainFailure,
  cancelled: explainEnded('It was cancelled'),
  expired: explainEnded('It expired'),
} as const satisfies Record<TaskState, Explain>;

function explainQueued(task: TaskControl, around: Surroundings): Explanation {
  const { spec, life } = task;
  return {
    summary: queuedInWords(task, around),
    lines: [
      ...placementLines(life.placement, spec),
      ...(life.placement && life.dueAt === null ? [loadLine(life.placement, around)] : []),
      ...(life.dueAt === null ? lookLines(task, around) : againLines(task, around)),
      ...retryLines(task),
      expiryLine(task, around.now),
    ],
  };
}

function queuedInWords({ life }: TaskControl, around: Surroundings): string {
  const queue = life.placement ? `the queue of ${targetInWords(life.placement)}` : 'the queue of a pool';
  if (life.dueAt !== null) return `It stood in ${queue}, which the broker has lost.`;
  const since = life.queuedAt === null ? '' : ` for ${span(around.now - life.queuedAt)}`;
  const isServed = !life.placement || takerOf(life.placement, around) !== undefined;
  const then = isServed ? 'it starts when a worker there has room' : 'nobody takes tasks from it now';
  return `It has stood in ${queue}${since}; ${then}.`;
}

/** A long wait alone has nothing sent again. */
function lookLines(task: TaskControl, { now }: Surroundings): string[] {
  const { clockAt } = task.life;
  if (clockAt === null || clockAt >= startBy(task)) return [];
  return [
    `It keeps its place there: when it is looked at again, ${until(clockAt, now)}, it is sent out once more only if ` +
      'nobody takes tasks from that queue any more, or has taken much younger ones instead.',
  ];
}

function explainRunning(task: TaskControl, around: Surroundings): Explanation {
  const { spec, life } = task;
  const since = life.startedAt === null ? '' : ` for ${span(around.now - life.startedAt)}`;
  const where = life.placement ? ` of ${poolInWords(life.placement)}` : '';
  return {
    summary: `Attempt ${life.attempt} of ${spec.retry.max_attempts} has been running on ${life.weeId ?? 'a WEE'}${where}${since}.`,
    lines: [
      ...placementLines(life.placement, spec),
      ...(life.cancelRequested ? ['It has been asked to stop.'] : []),
      ...againLines(task, around),
      `An attempt may take ${span(spec.timeoutMs)}; the task ends ${until(life.expiresAt, around.now)} at the latest.`,
    ],
  };
}

/** After the broker has lost its queues all that has not ended is sent again, even what runs. */
function againLines(task: TaskControl, around: Surroundings): string[] {
  const { dueAt } = task.life;
  if (dueAt === null) return [];
  const when = isOut(task, around)
    ? 'It has been sent out once more'
    : `It is sent out once more ${until(dueAt, around.now)}`;
  return [`${when}, because the broker has lost its queues.`];
}

function retryLines({ spec, life }: TaskControl): string[] {
  if (life.attempt === 0) return [];
  return [`It has had ${counted(life.attempt, 'attempt')} of ${spec.retry.max_attempts}.`];
}
