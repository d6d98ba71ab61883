import { submissionSchema } from '@tenma/protocol';
import { describe, expect, it } from 'vitest';
import { fillIn } from './fill-in.ts';

const task = (input: unknown, labels?: Record<string, string>) =>
  submissionSchema.parse({ type: 'echo', input, ...(labels && { labels }) });
const fields = { region_id: 'tokyo', epoch: 3, active: true, reason: null };
const inputOf = (input: unknown) => fillIn(task(input), fields).input;

describe('placeholders', () => {
  it.each([
    ['in a text become text', 'lost {region_id} in epoch {epoch}: {active}', 'lost tokyo in epoch 3: true'],
    ['that are the whole text keep their type', ['{epoch}', '{active}', '{reason}'], [3, true, null]],
    ['of what is null leave nothing in a text', 'because {reason}.', 'because .'],
    [
      'of fields that the event does not have stay',
      ['{node_id}', 'a {node_id}'],
      ['{node_id}', 'a {node_id}'],
    ],
    [
      'are no names of what every object has',
      ['{constructor}', 'a {constructor}'],
      ['{constructor}', 'a {constructor}'],
    ],
    ['are found at every depth', { a: [{ b: '{region_id}' }], n: 1 }, { a: [{ b: 'tokyo' }], n: 1 }],
    ['are not looked for in keys', { '{region_id}': 1 }, { '{region_id}': 1 }],
  ])('%s', (_, input, expected) => {
    expect(inputOf(input)).toEqual(expected);
  });

  it('in labels are always text, and no longer than a label may be', () => {
    const labels = { region: '{region_id}', epoch: '{epoch}', why: '{reason}', long: 'as {endpoint}' };
    const filled = fillIn(task({}, labels), { ...fields, endpoint: 'x'.repeat(2_000) }).labels;
    expect(filled).toMatchObject({ region: 'tokyo', epoch: '3', why: '' });
    expect(filled?.['long']).toHaveLength(255);
  });

  it('leave a task without input and labels as it is', () => {
    const bare = submissionSchema.parse({ type: 'echo' });
    expect(fillIn(bare, fields)).toEqual(bare);
  });
});
