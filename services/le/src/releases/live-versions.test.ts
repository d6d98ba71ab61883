import { describe, expect, it } from 'vitest';
import { rejection, releaseRecord } from './fixture.ts';
import { liveVersions } from './live-versions.ts';

describe('the versions whose schemas count', () => {
  const release = releaseRecord;
  it.each([
    [
      'without a release: the highest of each major',
      ['1.0.0', '1.2.0', '2.0.0'],
      undefined,
      ['2.0.0', '1.2.0'],
    ],
    [
      'the major of the stable version first',
      ['1.0.0', '2.0.0', '3.0.0'],
      release(),
      ['1.0.0', '3.0.0', '2.0.0'],
    ],
    ['the stable version, not its candidate', ['1.0.0', '1.1.0'], release({ candidate: '1.1.0' }), ['1.0.0']],
    [
      'a candidate that has its major to itself',
      ['1.0.0', '2.0.0'],
      release({ candidate: '2.0.0' }),
      ['1.0.0', '2.0.0'],
    ],
    ['none that was rejected', ['1.0.0', '2.0.0'], release({ rejected: [rejection('2.0.0')] }), ['1.0.0']],
    ['none that is not finished', ['1.0.0', '2.0.0-beta.1'], release(), ['1.0.0']],
    [
      'one that is not finished, when it is on trial',
      ['1.0.0', '2.0.0-beta.1'],
      release({ candidate: '2.0.0-beta.1' }),
      ['1.0.0', '2.0.0-beta.1'],
    ],
    ['one that is not finished, when there is no other', ['2.0.0-beta.1'], undefined, ['2.0.0-beta.1']],
  ])('%s', (_, known, standing, expected) => {
    expect(liveVersions(known, new Set(known), standing)).toEqual(expected);
  });

  it('leave out a major that nobody has any more, but never that of the stable version', () => {
    const known = ['1.0.0', '2.0.0', '3.0.0'];
    expect(liveVersions(known, new Set(['2.0.0']), undefined)).toEqual(['2.0.0']);
    expect(liveVersions(known, new Set(['2.0.0']), releaseRecord())).toEqual(['1.0.0', '2.0.0']);
  });

  it('are all that is remembered as long as nobody is there', () => {
    expect(liveVersions(['1.0.0', '2.0.0'], new Set(), undefined)).toEqual(['2.0.0', '1.0.0']);
  });
});
