import { type ConfigError, readConfig } from '@tenma/runtime';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { sourceRegions } from './first-documents.ts';
import { geoFields, geoSettings } from './geo-config.ts';

const read = (regions: unknown) =>
  readConfig(z.object(geoFields), { TENMA_DEFAULT_REGIONS: JSON.stringify(regions) });
const faultOf = (regions: unknown) => {
  try {
    read(regions);
  } catch (error) {
    return (error as ConfigError).message;
  }
  return 'none';
};
const location = { lat: 1, lon: 2 };

describe('the regions of the first start', () => {
  it('are those of the source, or the ones that are named: well-known ones by their id, others in full', () => {
    expect(geoSettings(readConfig(z.object(geoFields), {}), 'a').defaultRegions).toEqual(sourceRegions);
    const config = read([
      { id: 'us-east-1', priority: 9 },
      { region_id: 'osaka', location },
    ]);
    expect(geoSettings(config, 'osaka').defaultRegions).toMatchObject([
      { region_id: 'us-east-1', priority: 9, location: { lat: 39.04, lon: -77.49 } },
      { region_id: 'osaka', priority: 100, location },
    ]);
  });

  it.each([
    ['one twice', [{ id: 'us-east-1' }, { id: 'us-east-1' }], '.1: names a region twice: us-east-1'],
    [
      'one by its id and in full',
      [{ id: 'us-east-1' }, { region_id: 'us-east-1', location }],
      '.1: names a region twice: us-east-1',
    ],
    ['one that nobody knows by its id', [{ id: 'osaka' }], '.0: osaka is none of ap-northeast-1'],
    [
      'one whose id means more',
      [{ region_id: 'any', location }],
      '.0.region_id: is none of active, any, none',
    ],
    ['one without a place', [{ region_id: 'osaka' }], '.0.location: '],
    ['none', [], ': '],
  ])('cannot be %s, and the fault says so', (_, regions, fault) => {
    expect(faultOf(regions)).toContain(`TENMA_DEFAULT_REGIONS${fault}`);
  });
});
