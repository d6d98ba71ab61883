import { compareVersions, majorOf } from '@tenma/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { planVersions } from './plan-versions.ts';

const rejected = (...versions: string[]) => versions.map((version) => ({ version, reason: 'bad', at: '' }));

function planned(available: string[], release?: Parameters<typeof planVersions>[1]) {
  return Object.fromEntries(planVersions(available, release));
}

describe('which versions run', () => {
  test('without a release, the highest of each major', () => {
    expect(planned(['1.9.0', '1.10.0', '2.0.0-beta.1', '1.10.0-rc.1'])).toEqual({
      1: { stable: '1.10.0', candidate: null },
      2: { stable: '2.0.0-beta.1', candidate: null },
    });
  });

  test('what the release says, where it is there', () => {
    const release = { stable: '1.0.0', candidate: '1.1.0', rejected: [] };
    expect(planned(['1.0.0', '1.1.0', '1.2.0'], release)).toEqual({
      1: { stable: '1.0.0', candidate: '1.1.0' },
    });
    expect(planned(['1.0.0', '1.2.0'], release)).toEqual({ 1: { stable: '1.0.0', candidate: null } });
  });

  test('without the stable version, the highest that is not on trial', () => {
    const release = { stable: '1.0.0', candidate: '1.3.0', rejected: rejected('1.2.0') };
    expect(planned(['0.9.0', '1.1.0', '1.2.0', '1.3.0'], release)).toEqual({
      0: { stable: '0.9.0', candidate: null },
      1: { stable: '1.1.0', candidate: '1.3.0' },
    });
  });

  test('a candidate alone in its major is what that major runs', () => {
    const release = { stable: '1.0.0', candidate: '2.0.0', rejected: [] };
    expect(planned(['1.0.0', '2.0.0'], release)).toEqual({
      1: { stable: '1.0.0', candidate: null },
      2: { stable: '2.0.0', candidate: null },
    });
  });

  test('what is not finished runs only where the release names it, or where there is nothing else', () => {
    const release = { stable: '1.0.0', candidate: null, rejected: [] };
    const planOf = (stable: string, candidate: string | null = null) => ({ stable, candidate });
    expect(planned(['1.0.0', '1.1.0-rc.1', '2.0.0-rc.1'], release)).toEqual({ 1: planOf('1.0.0') });
    expect(planned(['0.9.0', '1.1.0-rc.1'], release)).toEqual({ 0: planOf('0.9.0') });
    expect(planned(['1.1.0-rc.1', '2.0.0-rc.1'], release)).toEqual({
      1: planOf('1.1.0-rc.1'),
      2: planOf('2.0.0-rc.1'),
    });
    const tried = { ...release, candidate: '1.1.0-rc.1' };
    expect(planned(['1.0.0', '1.1.0-rc.1'], tried)).toEqual({ 1: planOf('1.0.0', '1.1.0-rc.1') });
    const trusted = { ...release, stable: '2.0.0-rc.1' };
    expect(planned(['1.0.0', '2.0.0-rc.1'], trusted)).toEqual({
      1: planOf('1.0.0'),
      2: planOf('2.0.0-rc.1'),
    });
    const other = { ...release, rejected: rejected('1.1.0') };
    expect(planned(['1.1.0', '1.2.0-rc.1'], other)).toEqual({});
  });

  test('a rejected version never runs, not even where there is no other', () => {
    const release = { stable: '2.0.0', candidate: '1.0.0', rejected: rejected('1.0.0', '2.0.0') };
    expect(planned(['1.0.0', '2.0.0'], release)).toEqual({});
  });

  const version = fc
    .tuple(fc.nat(2), fc.nat(2), fc.nat(2))
    .map(([major, minor, patch]) => `${major}.${minor}.${patch}`);
  const release = fc.record({
    stable: version,
    candidate: fc.option(version),
    rejected: fc.array(version, { maxLength: 4 }).map((versions) => rejected(...versions)),
  });

  test('every major with a version that may run has one stable version, and all that run are its own', () => {
    fc.assert(
      fc.property(fc.uniqueArray(version), fc.option(release, { nil: undefined }), (available, said) => {
        const refused = new Set(said?.rejected.map((each) => each.version));
        const usable = available.filter((each) => !refused.has(each));
        const plan = planVersions(available, said);
        expect(new Set(plan.keys())).toEqual(new Set(usable.map(majorOf)));
        for (const [major, { stable, candidate }] of plan) {
          expect(usable).toContain(stable);
          expect(majorOf(stable)).toBe(major);
          if (candidate === null) continue;
          expect(usable).toContain(candidate);
          expect(candidate).toBe(said?.candidate);
          expect(majorOf(candidate)).toBe(major);
          expect(candidate).not.toBe(stable);
        }
      }),
    );
  });

  test('the order in which versions were found does not matter, and none higher is passed over without reason', () => {
    fc.assert(
      fc.property(fc.uniqueArray(version), release, (available, said) => {
        const plan = planVersions(available, said);
        expect(planVersions(available.toReversed(), said)).toEqual(plan);
        const refused = new Set(said.rejected.map((each) => each.version));
        for (const [major, { stable }] of plan) {
          if (stable === said.stable) continue;
          const higher = available.filter(
            (each) => majorOf(each) === major && compareVersions(each, stable) > 0 && !refused.has(each),
          );
          expect(higher.filter((each) => each !== said.candidate)).toEqual([]);
        }
      }),
    );
  });
});
