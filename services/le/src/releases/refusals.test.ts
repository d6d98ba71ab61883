import { describe, expect, it } from 'vitest';
import { rejection, releaseRecord } from './fixture.ts';
import { candidateGone, conflict, unknownVersion } from './refusals.ts';

describe('the hint of a refusal', () => {
  const release = releaseRecord;
  it.each([
    [
      'the highest version that is newer than the stable one',
      release(),
      ['1.2.0', '1.1.0', '1.0.0', '0.9.0'],
      'Versions there are: 1.2.0, 1.1.0, 1.0.0 (stable), 0.9.0. ' +
        'POST /api/v1/releases/echo/update {"version": "1.2.0"} puts one on trial.',
    ],
    [
      'an older one where there is none newer that was not rejected',
      release({ rejected: [rejection('1.2.0')] }),
      ['1.2.0', '1.0.0', '0.9.0'],
      'Versions there are: 1.2.0 (rejected), 1.0.0 (stable), 0.9.0. ' +
        'POST /api/v1/releases/echo/update {"version": "0.9.0"} puts one on trial.',
    ],
    [
      'what to do where all others were rejected',
      release({ rejected: [rejection('1.2.0'), rejection('1.1.0')] }),
      ['1.2.0', '1.1.0', '1.0.0'],
      'Versions there are: 1.2.0 (rejected), 1.1.0 (rejected), 1.0.0 (stable). ' +
        'POST /api/v1/releases/echo/update {"version": "1.2.0"} puts one on trial again that was rejected. ' +
        'Or give a WEE another version: a newer one of its major is tried by itself.',
    ],
    [
      'that newer versions are held back after a way back by hand',
      release({ rejected: [rejection('1.1.0')], hold: true }),
      ['1.1.0', '1.0.0'],
      'Versions there are: 1.1.0 (rejected), 1.0.0 (stable). ' +
        'POST /api/v1/releases/echo/update {"version": "1.1.0"} puts one on trial again that was rejected. ' +
        'Or give a WEE another version: newer versions are held back, and tried only by ' +
        'POST /api/v1/releases/echo/update {"version": "VERSION"}.',
    ],
    [
      'what to do where the stable version is the only one',
      release(),
      ['1.0.0'],
      'Versions there are: 1.0.0 (stable). Give a WEE another version: a newer one of its major is tried by itself.',
    ],
    ['what to do where nobody has any', release(), [], 'Versions there are: none. Start a WEE that has one.'],
    [
      'the end of the trial that there is',
      release({ candidate: '1.1.0' }),
      ['1.2.0', '1.1.0', '1.0.0'],
      'Versions there are: 1.2.0, 1.1.0 (on trial), 1.0.0 (stable). ' +
        'POST /api/v1/releases/echo/rollback {"version": "1.1.0"} ends the trial.',
    ],
  ])('names %s', (_, standing, versions, hint) => {
    expect(conflict('it cannot be', standing, versions)).toMatchObject({ code: 'invalid_state', hint });
  });

  it('lists the rejected versions last, and as such, where a version is not there', () => {
    const standing = releaseRecord({ rejected: [rejection('1.2.0')] });
    expect(unknownVersion(standing, '3.0.0', ['1.2.0', '1.1.0', '1.0.0'])).toMatchObject({
      code: 'unknown_release',
      detail: 'no WEE has version 3.0.0 of echo',
      hint: 'Versions there are: 1.1.0, 1.0.0, 1.2.0 (rejected).',
    });
  });

  it('says how a trial goes on, or ends, whose version has gone', () => {
    expect(candidateGone(releaseRecord({ candidate: '1.1.0' }), '1.1.0')).toMatchObject({
      code: 'unknown_release',
      detail: 'no WEE has version 1.1.0 of echo, which is on trial',
      hint: 'Start a WEE that has it; or POST /api/v1/releases/echo/rollback {"version": "1.1.0"} ends the trial.',
    });
  });
});
