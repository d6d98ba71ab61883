import type { Verdict } from '@tenma/protocol';
import { describe, expect, it } from 'vitest';
import { openRegistry } from '../http/fixtures/registry.ts';
import { keepWhereToSend } from './where-to-send.ts';

const at = (status: Verdict['status']): Verdict => ({
  status,
  reason: null,
  since: '2026-02-20T10:30:00.000Z',
  quarantined: false,
  observers: [],
});

describe('a region whose maintenance is over', () => {
  it('is unknown until the watch has spoken, and no longer kept from anything', async () => {
    await using registry = await openRegistry();
    const { ask, clock, documents } = registry;
    using where = keepWhereToSend(documents);
    const node = { node_id: 'n1', region_id: 'eu-west-1', endpoint: '127.0.0.1:8000' };
    await ask('POST', '/api/geo/nodes', node);
    await ask('PATCH', '/api/geo/regions/eu-west-1', { maintenance: true });
    await documents.write([
      { kind: 'region-verdict', id: 'eu-west-1', expected: 0, value: at('maintenance') },
    ]);
    expect(where.current()?.avoid).toEqual(['eu-west-1']);
    await clock.advance(60_000);
    expect(await ask('PATCH', '/api/geo/regions/eu-west-1', { maintenance: false })).toMatchObject({
      body: { status: 'unknown', status_reason: null, status_since: '2026-02-20T10:31:00.000Z' },
    });
    expect(where.current()?.avoid).toEqual([]);
    expect(await ask('PUT', '/api/geo/active-region', { region_id: 'eu-west-1' })).toMatchObject({
      status: 200,
    });
    await documents.write([
      { kind: 'region-verdict', id: 'eu-west-1', expected: 'any', value: at('offline') },
    ]);
    expect((await ask('GET', '/api/geo/regions/eu-west-1')).body).toMatchObject({ status: 'offline' });
  });
});
