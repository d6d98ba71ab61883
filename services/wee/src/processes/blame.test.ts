import { describe, expect, it } from 'vitest';
import { type Attempt, newAttempt } from './attempt.ts';
import { blameFor } from './blame.ts';
import { requestOf } from './fixtures/groups.ts';

type Mark = 'plain' | 'culprit' | 'cancelled' | 'late';

const type = { type: 'echo', version: '1.0.0', cost: 'light' } as const;

function attemptOf(mark: Mark, runId: number): Attempt {
  const worker = { specifier: 'x', type } as unknown as Parameters<typeof requestOf>[0];
  const attempt = newAttempt(runId, requestOf(worker), () => undefined);
  if (mark === 'culprit') attempt.culprit = true;
  if (mark === 'cancelled' || mark === 'late') {
    attempt.aborted = { reason: mark === 'late' ? 'timeout' : 'cancelled', at: 0, received: true };
  }
  return attempt;
}

const cases: readonly {
  readonly inside: readonly Mark[];
  readonly sinceEndMs: number | null;
  readonly blame: Record<keyof ReturnType<typeof blameFor>, number[]>;
}[] = [
  { inside: [], sinceEndMs: null, blame: { ended: [], collateral: [], suspects: [] } },
  { inside: ['plain'], sinceEndMs: null, blame: { ended: [0], collateral: [], suspects: [] } },
  { inside: ['plain'], sinceEndMs: 999, blame: { ended: [], collateral: [], suspects: [0] } },
  { inside: ['plain'], sinceEndMs: 1_000, blame: { ended: [0], collateral: [], suspects: [] } },
  { inside: ['plain', 'plain'], sinceEndMs: null, blame: { ended: [], collateral: [], suspects: [0, 1] } },
  { inside: ['plain', 'late'], sinceEndMs: null, blame: { ended: [], collateral: [], suspects: [0, 1] } },
  { inside: ['plain', 'cancelled'], sinceEndMs: 5, blame: { ended: [1], collateral: [], suspects: [0] } },
  {
    inside: ['plain', 'culprit', 'cancelled', 'late'],
    sinceEndMs: 5,
    blame: { ended: [1, 2], collateral: [0, 3], suspects: [] },
  },
];

describe('the blame for a dead process', () => {
  it.each(cases)('with $inside inside and an end $sinceEndMs ms before', ({ inside, sinceEndMs, blame }) => {
    const { ended, collateral, suspects } = blameFor(inside.map(attemptOf), sinceEndMs);
    const ids = (attempts: readonly Attempt[]) => attempts.map(({ runId }) => runId);
    expect({ ended: ids(ended), collateral: ids(collateral), suspects: ids(suspects) }).toEqual(blame);
  });
});
