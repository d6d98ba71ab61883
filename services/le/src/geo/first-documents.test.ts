import { newRegionSchema, policySchema, type Verdict } from '@tenma/protocol';
import { describe, expect, it } from 'vitest';
import type { Write } from '../documents/document-cache.ts';
import { openRegistry, settings } from '../http/fixtures/registry.ts';
import { sourceRegions, writeFirstDocuments } from './first-documents.ts';
import { keepWhereToSend } from './where-to-send.ts';

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

  it('places an active region that is well known, though the settings do not name it', async () => {
    const defaultRegions = [newRegionSchema.parse({ region_id: 'here', location: { lat: 1, lon: 2 } })];
    await using registry = await openRegistry({ defaultRegions, firstActive: 'us-east-1' });
    expect((await registry.ask('GET', '/api/geo/regions/us-east-1')).body).toMatchObject({
      display_name: 'US East (N. Virginia)',
      provider: 'aws',
      location: { lat: 39.04, lon: -77.49 },
      active: true,
    });
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

describe('a start without watching, after one with it', () => {
  const offline: Verdict = {
    status: 'offline',
    reason: 'all nodes are down',
    since: '2026-02-20T10:00:00.000Z',
    quarantined: false,
    observers: [],
  };
  const verdicts = (nodes: number): Write[] => [
    { kind: 'region-verdict', id: 'us-east-1', expected: 'any', value: offline },
    ...Array.from(
      { length: nodes },
      (_, n): Write => ({ kind: 'node-verdict', id: `n${n}`, expected: 'any', value: offline }),
    ),
  ];
  const unwatched = { ...settings, enabled: false };

  it('takes away what nobody renews any more: the region is sent to, and may be the active one, again', async () => {
    await using registry = await openRegistry();
    const { ask, documents, clock } = registry;
    await documents.write(verdicts(1_100));
    using where = keepWhereToSend(documents);
    expect(where.current()?.avoid).toEqual(['us-east-1']);
    await writeFirstDocuments(unwatched, clock)(documents);
    expect(documents.all('region-verdict').size + documents.all('node-verdict').size).toBe(0);
    expect(where.current()?.avoid).toEqual([]);
    const put = await ask('PUT', '/api/geo/active-region', { region_id: 'us-east-1' });
    expect(put).toMatchObject({ status: 200, body: { epoch: 2 } });
  });

  it('leaves the rest as it is, and with watching everything', async () => {
    await using registry = await openRegistry();
    const { documents, clock } = registry;
    const before = await registry.standing();
    await documents.write(verdicts(2));
    await writeFirstDocuments(settings, clock)(documents);
    expect(documents.all('node-verdict').size).toBe(2);
    await writeFirstDocuments(unwatched, clock)(documents);
    const deleted = (await registry.standing()) as { value: unknown }[];
    expect(deleted.filter(({ value }) => value !== null)).toEqual(before);
  });

  it('goes on over what another replica has written meanwhile, and gives way to one that never stops', async () => {
    await using registry = await openRegistry();
    const { documents, clock } = registry;
    await using other = await registry.replica();
    await documents.write(verdicts(2));
    await other.documents.refresh();
    const overtakenTimes = async (times: number) => {
      let writes = 0;
      const slow = {
        get: documents.get.bind(documents),
        all: documents.all.bind(documents),
        async write(all: readonly Write[]) {
          writes += 1;
          if (writes <= times) await other.documents.write(verdicts(2));
          return documents.write(all);
        },
      };
      await writeFirstDocuments(unwatched, clock)(slow as never);
    };
    await overtakenTimes(Infinity);
    expect(documents.all('node-verdict').size).toBe(2);
    await overtakenTimes(1);
    expect(documents.all('node-verdict').size + documents.all('region-verdict').size).toBe(0);
  });
});
