import { type Policy, problemSchema } from '@tenma/protocol';
import { formatDuration } from './duration.ts';
import { formatTable } from './table.ts';

const columns = [
  'policy',
  'when',
  'then',
  'region',
  'state',
  'cooldown',
  'last',
  'last_task',
  'problem',
] as const;

/** One line a policy. */
export function policyTable(policies: readonly Policy[]): string {
  return formatTable(
    columns,
    policies.map((policy) => ({
      policy: policy.policy_id,
      when: whenOf(policy),
      // oxlint-disable-next-line unicorn/no-thenable -- the API's own word, and no function
      then: policy.then.type,
      region: policy.then.region,
      state: `${policy.enabled ? 'on' : 'off'}${policy.built_in ? ' (built in)' : ''}`,
      cooldown: policy.cooldown_ms === 0 ? '' : formatDuration(policy.cooldown_ms),
      last: policy.last_acted_at ?? '',
      last_task: policy.last_task_id ?? '',
      problem: problemOf(policy),
    })),
  );
}

/** `region.status status=offline active=true` */
function whenOf({ when }: Policy): string {
  const where = Object.entries(when.where).map(([field, value]) => `${field}=${value}`);
  return [when.event, ...where].join(' ');
}

function problemOf({ last_problem }: Policy): string {
  if (last_problem === null) return '';
  const parsed = problemSchema.safeParse(last_problem);
  return parsed.success ? `${parsed.data.code}: ${parsed.data.detail}` : JSON.stringify(last_problem);
}
