import type { TaskEvent } from '@tenma/protocol';
import type { TaskSpec } from '@tenma/store';
import { describe, expect, it } from 'vitest';
import { after, finished, specForTest, started } from './lifecycle/fixture.ts';
import { dispatchOf } from './outbox.ts';

describe('what is sent of a task', () => {
  const sent = (spec: Partial<TaskSpec>, ...events: TaskEvent[]) =>
    dispatchOf({ ...after(events, specForTest(spec)), input: null, output: null });

  it('names the majors that accept it in their order; without them, none', () => {
    expect(sent({ majors: [1, 3, 2] })).toHaveProperty('majors', [1, 3, 2]);
    expect(sent({})).not.toHaveProperty('majors');
  });

  it('names the major on trial first for the first attempt alone', () => {
    const spec = { majors: [1, 3, 2], trialMajor: 2 };
    expect(sent(spec)).toMatchObject({ attempt: 1, majors: [2, 1, 3] });
    const failed = finished({
      outcome: 'failed',
      error: { code: 'worker_error', message: '', retryable: true },
    });
    expect(sent(spec, started(), failed)).toMatchObject({ attempt: 2, majors: [1, 3, 2] });
  });
});
