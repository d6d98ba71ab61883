/* oxlint-disable unicorn/no-thenable -- the API's own word, and no function */
import { describe, expect, it } from 'vitest';
import { limits } from './limits.ts';
import { newPolicySchema } from './policy.ts';

const policyWith = (labels: number) => ({
  policy_id: 'tell',
  when: { event: 'task.finished' },
  then: {
    type: 'echo',
    labels: Object.fromEntries(Array.from({ length: labels }, (_, n) => [`label-${n}`, 'x'])),
  },
});

describe('a policy', () => {
  it('leaves room for the label that its task gets besides its own', () => {
    expect(newPolicySchema.safeParse(policyWith(limits.labels - 1)).success).toBe(true);
    const { error } = newPolicySchema.safeParse(policyWith(limits.labels));
    expect(error?.issues).toMatchObject([
      { path: ['then', 'labels'], message: expect.stringContaining('at most 31 labels') as string },
    ]);
  });

  it('may do without labels', () => {
    const { then, ...rest } = policyWith(0);
    expect(newPolicySchema.parse({ ...rest, then: { type: then.type } }).then.labels).toBeUndefined();
  });
});
