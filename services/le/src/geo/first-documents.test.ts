import { newRegionSchema, policySchema } from '@tenma/protocol';
import { describe, expect, it } from 'vitest';
import { openRegistry, settings } from '../http/fixtures/registry.ts';
import { sourceRegions, writeFirstDocuments } from './first-documents.ts';

describe('the first start', () => {
  it('registers the five regions of the source, makes one active, and writes the policy of automatic failover', async () => {
    await using registry = await openRegistry();
    const { documents } = registry;
    expect([...documents.all('region').keys()].sort()).toEqual(
      sourceRegions.map(({ region_id: id }) => id).sort(),
    );
    expect(documents.get('active-region', 'active')?.value).toEqual({
      active_region: 'ap-northeast-1',
      region_id: 'ap-northeast-1',
      epoch: 1,
      since: '2026-02-20T10:30:00.000Z',
    });
    const policy = documents.get('policy', 'auto-failover')?.value;
    expect(policySchema.parse(policy)).toEqual(policy);
    expect(policy).toMatchObject({
      built_in: true,
      enabled: true,
      when: { event: 'region.status', where: { status: 'offline', active: true } },
      // oxlint-disable-next-line unicorn/no-thenable -- the API's own word, and no function
      then: {
        type: 'region-failover',
        region: 'any',
        priority: 9,
        input: {
          from_region: '{region_id}',
          triggered_by: 'health_monitor',
          reason: 'region_health_check_failed',
        },
      },
    });
  });

  it('leaves the policy switched off where automatic failover is', async () => {
    await using registry = await openRegistry({ autoFailover: false });
    expect(registry.documents.get('policy', 'auto-failover')?.value.enabled).toBe(false);
    expect((await registry.ask('GET', '/api/geo/status')).body).toMatchObject({ auto_failover: false });
  });

  it('registers an active region that nobody has placed, and says so in its name', async () => {
    await using registry = await openRegistry({ firstActive: 'basement' });
    expect((await registry.ask('GET', '/api/geo/regions/basement')).body).toMatchObject({
      display_name: 'basement (location not set)',
      provider: 'custom',
      location: { lat: 0, lon: 0 },
      active: true,
    });
    expect(registry.documents.all('region').size).toBe(6);
  });

  it('registers the regions that the settings name instead', async () => {
    const defaultRegions = [newRegionSchema.parse({ region_id: 'here', location: { lat: 1, lon: 2 } })];
    await using registry = await openRegistry({ defaultRegions, firstActive: 'here' });
    expect([...registry.documents.all('region').keys()]).toEqual(['here']);
  });
});

describe('a later start', () => {
  it('writes nothing, whatever the settings say by then', async () => {
    await using registry = await openRegistry();
    await registry.ask('DELETE', '/api/geo/regions/us-east-1');
    const before = await registry.standing();
    await writeFirstDocuments({ ...settings, firstActive: 'eu-west-1' }, registry.clock)(registry.documents);
    expect(await registry.standing()).toEqual(before);
  });

  it('of two replicas at once is left to the faster one', async () => {
    await using registry = await openRegistry();
    const { documents, clock } = registry;
    const before = await registry.standing();
    // As the slower one saw it: nothing was there.
    const unread = { ...documents, get: () => undefined, write: documents.write.bind(documents) };
    await writeFirstDocuments({ ...settings, firstActive: 'eu-west-1' }, clock)(unread as never);
    expect(await registry.standing()).toEqual(before);
  });
});
