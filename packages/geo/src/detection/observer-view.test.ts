import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  afterAnswer,
  atNewInterval,
  blank,
  isFresh,
  type ObserverView,
  wantsAnotherLook,
} from './observer-view.ts';
import { paces } from './pace.ts';

const pace = paces.default;
const freshMs = 15_000;

/** What is seen after answers a second apart: `u`p, `d`own. */
function viewAfter(answers: string, canSee: (since: number) => boolean = () => true): ObserverView {
  return answers
    .split('')
    .reduce<ObserverView>(
      (view, answer, at) =>
        afterAnswer(
          view,
          { outcome: answer === 'u' ? 'up' : 'down', at: 1_000 * (at + 1), reason: null },
          { pace, freshMs, canSee },
        ),
      blank,
    );
}

describe('one observer of a node', () => {
  it.each([
    ['', 'nothing', false],
    ['u', 'up', false],
    ['d', 'nothing', true],
    ['dd', 'nothing', true],
    ['ddd', 'down', false],
    ['ud', 'up', true],
    ['udd', 'up', true],
    ['uddd', 'down', false],
    ['uddud', 'up', true],
    ['dddu', 'down', true],
    ['dddud', 'down', false],
    ['dddudu', 'down', true],
    ['ddduu', 'up', false],
  ] as const)('after %j sees %s; to look again: %s', (answers, sees, again) => {
    const view = viewAfter(answers);
    expect(view.sees).toBe(sees);
    expect(wantsAnotherLook(view, pace)).toBe(again);
  });

  it.each([
    ['uddd', 'abstains', true],
    ['uddddd', 'abstains', true],
    ['udddddd', 'abstains', false],
    ['udddu', 'up', false],
  ] as const)('that cannot see anything, after %j %s; to look again: %s', (answers, sees, again) => {
    const view = viewAfter(answers, () => false);
    expect(view.sees).toBe(sees);
    expect(wantsAnotherLook(view, pace)).toBe(again);
  });

  it('asks whether it could see since the first failure of those in a row', () => {
    const asked: number[] = [];
    viewAfter('ududdd', (since) => asked.push(since) > 0);
    expect(asked).toEqual([4_000]);
  });

  it('is a stranger again after its silence', () => {
    const view = viewAfter('udd');
    const late = { outcome: 'down', at: 3_000 + freshMs, reason: null } as const;
    expect(afterAnswer(view, late, { pace, freshMs, canSee: () => true })).toMatchObject({
      sees: 'nothing',
      failures: 1,
    });
  });

  it('is silent sooner when another look is due', () => {
    expect(isFresh(viewAfter('u'), 15_999)).toBe(true);
    expect(isFresh(viewAfter('u'), 16_000)).toBe(false);
    expect(isFresh(viewAfter('ud'), 2_000 + 5_999)).toBe(true);
    expect(isFresh(viewAfter('ud'), 2_000 + 6_000)).toBe(false);
  });

  it('ignores an answer that comes twice or late', () => {
    const view = viewAfter('udd');
    for (const at of [3_000, 2_500]) {
      const again = { outcome: 'down', at, reason: null } as const;
      expect(afterAnswer(view, again, { pace, freshMs, canSee: () => true })).toBe(view);
    }
  });

  it('stays fresh until the next answer when its interval changes', () => {
    const view = viewAfter('u');
    expect(atNewInterval(view, 2_000, 15_000, 35_000).freshUntil).toBe(37_000);
    expect(atNewInterval(view, 14_000, 35_000, 15_000).freshUntil).toBe(16_000);
    expect(atNewInterval(view, 2_000, 35_000, 5_000).freshUntil).toBe(7_000);
    expect(atNewInterval(view, 20_000, 15_000, 35_000)).toBe(view);
  });

  it('sees what the last answers say, however they come', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 30 }), (ups) => {
        const view = viewAfter(ups.map((up) => (up ? 'u' : 'd')).join(''));
        const text = ups.map((up) => (up ? 'u' : 'd')).join('');
        // The last stretch that is long enough to decide does; before any, the first success.
        const lastDown = text.lastIndexOf('ddd');
        const expected =
          lastDown >= 0 && !text.slice(lastDown).includes('uu')
            ? 'down'
            : text.includes('u')
              ? 'up'
              : 'nothing';
        expect(view.sees).toBe(expected);
        expect(view.failures).toBe(text.length - text.lastIndexOf('u') - 1);
      }),
    );
  });
});
