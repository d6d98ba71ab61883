import { createMemoryBroker, createMemoryBus } from '@tenma/bus/memory';
import { type DispatchBatch, queues } from '@tenma/protocol';
import { silentLog } from '@tenma/runtime';
import { describe, expect, it } from 'vitest';
import { after, specForTest } from '../lifecycle/fixture.ts';
import { active, openDocuments, region, verdict } from '../observe/fixtures/region-documents.ts';
import { type ActiveRegion, createOutbox, dispatchOf } from '../outbox.ts';
import { keepWhereToSend } from './where-to-send.ts';

const places = [
  region('tokyo', { location: { lat: 35.7, lon: 139.7 } }),
  region('dublin', { location: { lat: 53.3, lon: -6.3 } }),
  region('london', { location: { lat: 51.5, lon: -0.1 } }),
] as const;

async function open() {
  const at = await openDocuments();
  await at.write(...places, active('tokyo', 3));
  const where = keepWhereToSend(at.documents);
  // As after a start: everything is told once.
  await at.write(
    verdict('region-verdict', 'london', 'degraded'),
    verdict('region-verdict', 'tokyo', 'offline'),
  );
  return {
    ...at,
    current: () => {
      const { roundTripsTo, ...known } = where.current() ?? {};
      if (!roundTripsTo) throw new Error('nothing is known of the regions');
      return { ...(known as ActiveRegion), roundTripsTo };
    },
    async [Symbol.asyncDispose]() {
      where[Symbol.dispose]();
      await at[Symbol.asyncDispose]();
    },
  };
}

describe('where to send', () => {
  it('tells the regions to keep clear of from those that are merely worse', async () => {
    await using at = await open();
    expect(at.current()).toMatchObject({ region: 'tokyo', epoch: 3, avoid: ['tokyo'], degraded: ['london'] });
  });

  it('knows the ways to a region, nearest first, and none to what is no region', async () => {
    await using at = await open();
    const ways = at.current().roundTripsTo('dublin', at.clock.now());
    expect(Object.keys(ways)).toEqual(['dublin', 'london', 'tokyo']);
    expect(ways['dublin']).toBe(0);
    expect(ways['tokyo']).toBeGreaterThan(100);
    expect(at.current().roundTripsTo('atlantis', at.clock.now())).toEqual({});
  });

  it('keeps the ways for ten seconds, takes up what is measured then, and at once what is moved', async () => {
    await using at = await open();
    const toDublin = () => at.current().roundTripsTo('dublin', at.clock.now());
    const estimated = toDublin()['london'];
    const measured = { p50_ms: 33, p95_ms: 34, samples: 20, at: new Date(at.clock.now()).toISOString() };
    const value = { from: 'dublin', to: { london: measured }, coordinate: null };
    await at.write({ kind: 'latency', id: 'dublin', value });
    expect(toDublin()['london']).toBe(estimated);
    await at.clock.advance(10_000);
    expect(toDublin()['london']).toBe(33);
    await at.write({ kind: 'region', id: 'tokyo', value: null });
    expect(Object.keys(toDublin())).toEqual(['dublin', 'london']);
  });
});

it('a batch carries the ways to the regions that its tasks for any deal with, and to no others', async () => {
  await using at = await open();
  const { clock } = at;
  const base = { clock, log: silentLog() };
  await using bus = createMemoryBus({ ...base, broker: createMemoryBroker(base) });
  await bus.declareQueue(queues.ic, { kind: 'transient' });
  const sent = Promise.withResolvers<DispatchBatch>();
  await using _ic = await bus.consume(queues.ic, { prefetch: 1 }, ({ body }) => {
    sent.resolve(body as DispatchBatch);
    return 'ack';
  });
  const outbox = createOutbox({ bus, clock, active: at.current }, 'le');
  const tasks = [
    specForTest({ near: 'dublin' }),
    specForTest({ near: 'dublin' }),
    specForTest({ near: 'london', region: 'tokyo' }),
    specForTest(),
  ].map((spec) => dispatchOf({ ...after([], spec), input: null, output: null }));
  await Promise.all([...tasks.map((task) => outbox.add(task)), clock.advance(10)]);
  expect(await sent.promise).toMatchObject({ avoid: ['tokyo'], degraded: ['london'] });
  expect(Object.keys((await sent.promise).round_trips ?? {})).toEqual(['dublin']);
});
