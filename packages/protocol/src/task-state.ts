import { z } from 'zod';

/**
 * The life of a task, as a table: from each state, the states that may follow. Guards in LE, the API's documentation
 * and every picture of a task derive from it.
 *
 * - `accepted`   written down; the 202 has been or is being sent
 * - `scheduled`  due later (`run_at`)
 * - `waiting`    no pool can take it now; `reason` says why
 * - `queued`     placed: it stands in the queue of a pool
 * - `running`    an attempt has started; `queued` or `waiting` may follow when it was sent again after a loss
 * - `retrying`   an attempt failed; the next one is due after the backoff
 * - `succeeded`, `failed`, `cancelled`, `expired` are final
 */
const transitions = {
  accepted: ['waiting', 'queued', 'running', 'retrying', 'succeeded', 'failed', 'cancelled', 'expired'],
  scheduled: ['waiting', 'queued', 'running', 'retrying', 'succeeded', 'failed', 'cancelled', 'expired'],
  waiting: ['queued', 'running', 'retrying', 'succeeded', 'failed', 'cancelled', 'expired'],
  queued: ['waiting', 'running', 'retrying', 'succeeded', 'failed', 'cancelled', 'expired'],
  running: ['waiting', 'queued', 'retrying', 'succeeded', 'failed', 'cancelled', 'expired'],
  retrying: ['waiting', 'queued', 'running', 'succeeded', 'failed', 'cancelled', 'expired'],
  succeeded: [],
  failed: ['accepted'],
  cancelled: ['accepted'],
  expired: ['accepted'],
} as const satisfies Record<string, readonly string[]>;

export type TaskState = keyof typeof transitions;

export const taskStates = Object.keys(transitions) as TaskState[];
export const taskStateSchema = z.enum(taskStates as [TaskState, ...TaskState[]]).meta({ id: 'TaskState' });

/** States nothing leads out of but a retry asked for by hand. */
export const terminalStates = ['succeeded', 'failed', 'cancelled', 'expired'] as const satisfies TaskState[];
export type TerminalState = (typeof terminalStates)[number];

export function isTerminal(state: TaskState): state is TerminalState {
  return (terminalStates as readonly TaskState[]).includes(state);
}

export function canFollow(from: TaskState, to: TaskState): boolean {
  return (transitions[from] as readonly TaskState[]).includes(to);
}

/** The states of a task that the dispatcher still has to send. */
export const pendingStates = ['accepted', 'scheduled', 'waiting', 'retrying'] as const satisfies TaskState[];
