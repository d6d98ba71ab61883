import { describe, expect, it } from 'vitest';
import { after, finished, queued, started, t0 } from '../lifecycle/fixture.ts';
import { isOut } from './is-out.ts';

describe('whether a task is out', () => {
  const sent = after([]);
  const due = (control: typeof sent) => ({ ...control, life: { ...control.life, dueAt: t0 } });

  it.each([
    ['sent', sent, true],
    ['queued', after([queued()]), true],
    ['running', after([started()]), true],
    ['ended', after([finished()]), false],
    ['sent and due again', due(sent), false],
    ['queued and due again', due(after([queued()])), false],
    // A wiped broker makes everything due, and the worker goes on.
    ['running and due again', due(after([started()])), true],
  ] as const)('%s', (_what, control, out) => {
    expect(isOut(control, t0 + 100)).toBe(out);
  });
});
