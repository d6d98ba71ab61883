import { compareVersions, isPrerelease } from '@tenma/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ReleaseRecord } from '../documents/kinds.ts';
import { rejection, releaseRecord, startMs } from './fixture.ts';
import { isRejected, judgeRelease, type ReleaseSight, type Verdict, withCandidate } from './judge-release.ts';

const now = startMs + 5_000;
const sight = (announced: readonly string[], changes: Partial<ReleaseSight> = {}): ReleaseSight => ({
  type: 'echo',
  announced,
  gone: [],
  triers: [],
  verdicts: [],
  ...changes,
});
const says = (weeId: string, verdict: Verdict['verdict'], changes: Partial<Verdict> = {}): Verdict => ({
  weeId,
  version: '1.1.0',
  verdict,
  reason: verdict === 'unhealthy' ? 'half of its attempts fail' : null,
  trial: releaseRecord().since,
  ...changes,
});
const onTrial = releaseRecord({ candidate: '1.1.0' });
const both = ['1.0.0', '1.1.0'];

describe('a release that nobody has seen', () => {
  it.each([
    ['begins with the highest version', ['1.9.0', '1.10.0', '1.2.0'], '1.10.0'],
    ['does not begin with a version that is not finished', ['1.0.0', '2.0.0-beta.1'], '1.0.0'],
    ['begins with one where there is nothing else', ['2.0.0-beta.1', '2.0.0-beta.2'], '2.0.0-beta.2'],
  ])('%s', (_, announced, stable) => {
    expect(judgeRelease(null, sight(announced), now)).toEqual(
      releaseRecord({ stable, since: new Date(now).toISOString() }),
    );
  });

  it('is none as long as nobody has a version', () => {
    expect(judgeRelease(null, sight([]), now)).toBeNull();
  });
});

describe('a trial begins', () => {
  it('when a version appears that is newer than the stable one', () => {
    expect(judgeRelease(releaseRecord(), sight(['1.0.0', '1.1.0', '1.2.0']), now)).toEqual(
      releaseRecord({ candidate: '1.2.0', share: 0.1, since: new Date(now).toISOString(), change: 'begun' }),
    );
  });

  it.each([
    ['an older version', releaseRecord(), ['0.9.0', '1.0.0']],
    ['one that is not finished', releaseRecord(), ['1.0.0', '1.1.0-beta.1']],
    ['one of another major', releaseRecord(), ['1.0.0', '2.0.0']],
    ['one that was rejected', releaseRecord({ rejected: [rejection('1.1.0')] }), both],
    ['a newer one while another is on trial', onTrial, [...both, '1.2.0']],
    ['a newer one after somebody has rolled back by hand', releaseRecord({ hold: true }), both],
  ])('not with %s', (_, release, announced) => {
    expect(judgeRelease(release, sight(announced), now)).toBeNull();
  });
});

it('a trial begins with the highest of the major of the stable version, whatever others there are', () => {
  const seen = sight(['1.0.0', '1.1.0', '2.0.0']);
  expect(judgeRelease(releaseRecord(), seen, now)).toMatchObject({ candidate: '1.1.0' });
});

describe('a trial', () => {
  it.each([
    ['goes on while nobody has judged', ['a', 'b'], [], null],
    ['is over for the better when the only WEE is content', ['a'], [says('a', 'healthy')], 'promoted'],
    ['goes on when only half of the WEEs are', ['a', 'b'], [says('a', 'healthy')], null],
    [
      'is over for the better when more than half are',
      ['a', 'b', 'c'],
      [says('a', 'healthy'), says('b', 'healthy')],
      'promoted',
    ],
    [
      'is over for the worse when one is not, whatever the others say',
      ['a', 'b', 'c'],
      [says('a', 'healthy'), says('b', 'healthy'), says('c', 'unhealthy')],
      'rolled_back',
    ],
    [
      'does not depend on what is said of another version',
      ['a'],
      [says('a', 'unhealthy', { version: '1.0.5' })],
      null,
    ],
    [
      'does not end by a verdict on the trial before it, however late it is heard',
      ['a'],
      [says('a', 'unhealthy', { trial: '2026-02-20T09:00:00.000Z' })],
      null,
    ],
  ] as const)('%s', (_, triers, verdicts, change) => {
    const judged = judgeRelease(onTrial, sight(both, { triers, verdicts }), now + 60_000);
    expect(judged?.change ?? null).toBe(change);
  });

  it('ends with the candidate as the stable version, or with its rejection and the reason', () => {
    const since = new Date(now).toISOString();
    const good = sight(both, { triers: ['a'], verdicts: [says('a', 'healthy')] });
    expect(judgeRelease(onTrial, good, now)).toEqual(
      releaseRecord({ stable: '1.1.0', since, change: 'promoted' }),
    );
    const bad = sight(both, { triers: ['a'], verdicts: [says('a', 'unhealthy')] });
    const rejected = [{ version: '1.1.0', reason: 'half of its attempts fail', at: since }];
    expect(judgeRelease(onTrial, bad, now)).toEqual(
      releaseRecord({ rejected, since, change: 'rolled_back' }),
    );
  });

  it('does not end well with a version that nobody has', () => {
    const verdicts = [says('a', 'healthy')];
    expect(judgeRelease(onTrial, sight(['1.0.0'], { verdicts }), now)).toBeNull();
  });

  it('of another major ends well only by hand, and badly by itself too', () => {
    const other = releaseRecord({ candidate: '2.0.0' });
    const seen = (verdict: Verdict['verdict']) =>
      sight(['1.0.0', '2.0.0'], { triers: ['a'], verdicts: [says('a', verdict, { version: '2.0.0' })] });
    expect(judgeRelease(other, seen('healthy'), now)).toBeNull();
    expect(judgeRelease(other, seen('unhealthy'), now)).toMatchObject({ change: 'rolled_back' });
  });

  it('ends without a judgement when nobody has the candidate any more', () => {
    const judged = judgeRelease(onTrial, sight(['1.0.0'], { gone: ['1.1.0'] }), now);
    expect(judged).toMatchObject({ stable: '1.0.0', candidate: null, rejected: [], change: 'changed' });
  });
});

describe('a stable version that nobody has any more', () => {
  it.each([
    ['gives way to a higher one', releaseRecord(), ['1.1.0'], '1.1.0'],
    ['gives way to the one on trial', onTrial, ['1.1.0'], '1.1.0'],
    ['stays when there are only lower ones', releaseRecord(), ['0.9.0'], null],
    ['stays when there are only others of another major', releaseRecord(), ['2.0.0'], null],
    [
      'stays when the higher one was rejected',
      releaseRecord({ rejected: [rejection('1.1.0')] }),
      ['1.1.0'],
      null,
    ],
  ])('%s', (_, release, announced, stable) => {
    const judged = judgeRelease(release, sight(announced, { gone: ['1.0.0'] }), now);
    expect(judged && { stable: judged.stable, candidate: judged.candidate }).toEqual(
      stable && { stable, candidate: null },
    );
  });

  it('stays as long as its absence may be a restart', () => {
    expect(judgeRelease(onTrial, sight(['1.1.0']), now)).toBeNull();
  });
});

const version = fc
  .tuple(fc.nat(2), fc.nat(2), fc.constantFrom('', '', '-beta.1'))
  .map(([major, minor, tail]) => `${major}.${minor}.0${tail}`);
const someVersions = fc.uniqueArray(version, { minLength: 1, maxLength: 6 });
const verdict = fc.record({
  weeId: fc.constantFrom('a', 'b', 'c'),
  version,
  verdict: fc.constantFrom('healthy', 'unhealthy'),
  reason: fc.constant('so'),
  trial: fc.constantFrom(releaseRecord().since, new Date(now).toISOString()),
}) as fc.Arbitrary<Verdict>;
const sights = fc
  .record({ announced: someVersions, gone: fc.subarray(['1.0.0', '1.1.0']), verdicts: fc.array(verdict) })
  .map((seen) => ({ type: 'echo', triers: ['a', 'b'], ...seen }));

/** Looks until nothing more happens. */
function settle(release: ReleaseRecord | null, seen: ReleaseSight): ReleaseRecord[] {
  const passed: ReleaseRecord[] = [];
  for (let next = judgeRelease(release, seen, now); next; next = judgeRelease(next, seen, now)) {
    passed.push(next);
    expect(passed.length).toBeLessThan(50);
  }
  return passed;
}

describe('whatever the WEEs show', () => {
  it('a release comes to rest, and what is stable or on trial was never rejected or unfinished by itself', () => {
    fc.assert(
      fc.property(fc.array(sights, { minLength: 1, maxLength: 5 }), (seen) => {
        let release: ReleaseRecord | null = null;
        for (const one of seen) {
          for (const next of settle(release, one)) {
            expect(isRejected(next, next.stable)).toBe(false);
            if (next.candidate !== null) {
              expect(compareVersions(next.candidate, next.stable)).toBeGreaterThan(0);
              expect(isRejected(next, next.candidate) || isPrerelease(next.candidate)).toBe(false);
            }
            if (release) expect(compareVersions(next.stable, release.stable)).toBeGreaterThanOrEqual(0);
            release = next;
          }
        }
      }),
    );
  });

  it('a version that one WEE finds unhealthy on trial never becomes stable by it', () => {
    fc.assert(
      fc.property(version, sights, (candidate, seen) => {
        const release = withCandidate(releaseRecord({ stable: '0.0.0' }), candidate, 0.5, startMs);
        const bad = says('c', 'unhealthy', { version: candidate });
        const judged = judgeRelease(release, { ...seen, verdicts: [...seen.verdicts, bad] }, now);
        expect(judged).toMatchObject({ stable: '0.0.0', candidate: null, change: 'rolled_back' });
      }),
    );
  });
});
