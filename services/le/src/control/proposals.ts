import {
  type FailoverTaskInput,
  failoverTaskInputSchema,
  failoverTaskOutputSchema,
  failoverType,
  isTerminal,
  type Json,
} from '@tenma/protocol';
import type { Log } from '@tenma/runtime';
import type { Store, TaskRecord } from '@tenma/store';
import type { Changed } from '../ledger.ts';
import type { Grounds } from './evidence.ts';
import type { FailoverControl } from './failover.ts';

/** Acts on the ends of `region-failover` tasks: LE decides by the epoch, the worker has only looked. */
export interface Proposals {
  /** There is no worker that could look again: what the observers saw decides. */
  unconfirmed(input: Json): Promise<void>;
  onChange(changes: readonly Changed[]): void;
}

interface Components {
  readonly store: Store;
  readonly failover: FailoverControl;
  readonly log: Log;
}

/** Nobody has looked again: the verdict of the observers alone. */
const onSight: Grounds = {
  automatic: true,
  taskId: null,
  detectedAt: null,
  confirmedFrom: null,
  confirmations: [],
};

export function createProposals({ store, failover, log }: Components): Proposals {
  async function carryOut(input: FailoverTaskInput, grounds: Grounds): Promise<void> {
    const { from_region, to_region, prefer, reason, triggered_by, dry_run } = input;
    const request = { from_region, to_region, prefer, reason, triggered_by, dry_run };
    const answer = await failover.request(request, grounds);
    if (!('problem' in answer)) return;
    const { code, detail } = answer.problem;
    log.warn(
      { task: grounds.taskId, from: from_region, code, detail },
      'a failover was proposed and refused',
    );
  }

  async function act(taskId: string): Promise<void> {
    const record = await store.get(taskId);
    const input = failoverTaskInputSchema.safeParse(record?.input);
    if (!record || !input.success) return;
    const grounds = groundsOf(record, input.data);
    if (grounds) await carryOut(input.data, grounds);
  }

  return {
    async unconfirmed(input) {
      const parsed = failoverTaskInputSchema.safeParse(input);
      if (!parsed.success) return;
      const detectedAt = parsed.data.detected_at ?? null;
      await carryOut(parsed.data, { ...onSight, detectedAt });
    },
    onChange(changes) {
      for (const { before, after } of changes) {
        if (after.spec.type !== failoverType) continue;
        if (!isTerminal(after.life.state) || isTerminal(before.life.state)) continue;
        act(after.spec.id).catch((error: unknown) =>
          log.error({ err: error, task: after.spec.id }, 'a proposed failover was not carried out'),
        );
      }
    },
  };

  /** Null: the task gives no ground for a failover. */
  function groundsOf({ spec, life, output }: TaskRecord, input: FailoverTaskInput): Grounds | null {
    const automatic = spec.principal.startsWith('policy:');
    const base = { automatic, taskId: spec.id, detectedAt: input.detected_at ?? null };
    if (life.state === 'succeeded') {
      const proposed = failoverTaskOutputSchema.safeParse(output);
      if (!proposed.success) return null;
      const { proposal, confirmed_from: confirmedFrom, confirmations } = proposed.data;
      if (proposal === 'fail_over') return { ...base, confirmedFrom, confirmations };
      log.info({ task: spec.id, from: input.from_region }, 'a failover was not confirmed: nothing changes');
      return null;
    }
    // No worker could confirm it in time. What the observers saw stands, and is judged once more.
    return automatic && life.state !== 'cancelled'
      ? { ...base, confirmedFrom: null, confirmations: [] }
      : null;
  }
}
