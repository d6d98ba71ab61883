import { createMemoryBroker, createMemoryBus } from '@tenma/bus/memory';
import {
  type ControlMessage,
  controlMessageSchema,
  exchanges,
  topics,
  unplacedRegion,
} from '@tenma/protocol';
import { silentLog } from '@tenma/runtime';
import { until } from '@tenma/test-support';
import { describe, expect, it } from 'vitest';
import type { DocumentCache } from './documents/document-cache.ts';
import { createMetrics } from './metrics.ts';
import { fakeResults } from './observe/fixtures/fake-results.ts';
import { active, openDocuments } from './observe/fixtures/region-documents.ts';
import { rejection, releaseRecord, weeWith } from './releases/fixture.ts';
import { retireType } from './retire-type.ts';
import { openTaskFlow } from './task-flow.ts';

/** `elsewhere`: what another replica on the same store sees; `join` starts it. */
async function open() {
  await using parts = new AsyncDisposableStack();
  const standing = parts.use(await openDocuments());
  const { clock, store, documents, elsewhere } = standing;
  await standing.write(active('here'));
  const log = silentLog();
  const broker = createMemoryBroker({ clock });
  const bus = parts.use(createMemoryBus({ broker, clock, log }));
  const results = fakeResults();
  const told: ControlMessage[] = [];
  parts.use(await bus.subscribe(exchanges.control, (body) => told.push(controlMessageSchema.parse(body))));
  const random = () => 0.5;
  const newId = () => '01990b4c-6f2a-7cc3-9d5e-0f6d2f1a7b10';
  async function start(own: DocumentCache, leId: string) {
    const metrics = createMetrics();
    const components = { bus, results, store, documents: own, metrics, clock, log, random, newId };
    return openTaskFlow(components, { leId, outboxLimit: 1_000 });
  }
  const flow = parts.use(await start(documents, 'le-1'));
  const opened = parts.move();
  return {
    bus,
    clock,
    log,
    results,
    store,
    documents,
    elsewhere,
    flow,
    join: async () => opened.use(await start(elsewhere, 'le-2')),
    told,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

const speaks = (...versions: readonly string[]) => ({ data: weeWith('wee-1', versions) });
const topic = topics.worker('here', 'wee-1');
const retained = { qos: 1, retain: true } as const;

describe('the flow of tasks', () => {
  it('makes a release of what a WEE announces, and tells it before the word that ends the answer', async () => {
    await using at = await open();
    await at.results.announce(topic, speaks('1.0.0'), retained);
    await until(() => at.documents.get('release', 'echo')?.value.stable === '1.0.0');
    await until(() => at.told.some(({ kind }) => kind === 'release'));
    at.told.length = 0;
    const beat = { wee_id: 'wee-1', boot_id: 'boot-1', region: 'here', at: 0, running: [], pools: [] };
    await at.bus.broadcast(exchanges.heartbeats, { ...beat, awaits_epoch: true });
    await until(() => at.told.length === 2);
    expect(at.told).toMatchObject([
      { kind: 'release', releases: [{ type: 'echo', stable: '1.0.0' }] },
      { kind: 'void', region: unplacedRegion, epoch: 1 },
    ]);
  });

  it('learns the schemas of a version that a WEE has got while it ran', async () => {
    await using at = await open();
    await at.results.announce(topic, speaks('1.0.0'), retained);
    await until(() => at.flow.types.get('echo') !== undefined);
    await at.results.announce(topic, speaks('1.0.0', '2.0.0'), retained);
    expect(at.flow.types.judge('echo', {})).toHaveProperty('majors');
  });
});

describe('a type that is retired', () => {
  const leaves = { data: { wee_id: 'wee-1', boot_id: 'boot-1', region: 'here', status: 'offline' } };

  it('is forgotten by every replica, and made known anew by a WEE that comes back with it', async () => {
    await using at = await open();
    const other = await at.join();
    const flows = [at.flow, other];
    const stables = () =>
      [at.documents, at.elsewhere].map((own) => {
        void own.refresh();
        return own.get('release', 'echo')?.value.stable;
      });
    await at.results.announce(topic, speaks('1.0.0'), retained);
    await until(() => stables().every((stable) => stable === '1.0.0'));
    const value = releaseRecord({ rejected: [rejection('1.1.0')], hold: true });
    await at.documents.write([{ kind: 'release', id: 'echo', expected: 'any', value }]);
    await until(async () => (await at.store.taskTypes()).length === 1);
    await at.results.announce(topic, leaves, retained);
    expect(flows.map(({ types }) => types.get('echo')?.version)).toEqual(['1.0.0', '1.0.0']);

    const components = { ...at, ...at.flow };
    const tooEarly = { code: 'invalid_state', detail: expect.stringContaining('until 0 s ago') };
    expect(await retireType(components, 'echo')).toMatchObject({ problem: tooEarly });
    await at.clock.advance(30_000);
    expect(await retireType(components, 'echo')).toEqual({ value: null });
    await until(() => stables().every((stable) => stable === undefined));
    expect(flows.map(({ types }) => types.all())).toEqual([[], []]);
    expect(await at.store.taskTypes()).toEqual([]);
    expect(await retireType(components, 'echo')).toMatchObject({ problem: { code: 'unknown_type' } });

    await at.results.announce(topic, speaks('1.0.0', '1.1.0'), retained);
    await until(() => stables().every((stable) => stable === '1.1.0'));
    expect(flows.map(({ types }) => types.get('echo')?.version)).toEqual(['1.1.0', '1.1.0']);
    await until(async () => (await at.store.taskTypes()).length === 1);
  });

  const isTooEarly = (agoS: number) => ({
    problem: {
      code: 'invalid_state',
      detail: `a WEE may have had echo until ${agoS} s ago, and only be starting anew`,
      hint: `Try again in ${30 - agoS} s.`,
      retry_after_ms: (30 - agoS) * 1_000,
    },
  });

  /** `echo` is known, and its WEE has gone. */
  async function leftBehind() {
    await using parts = new AsyncDisposableStack();
    const at = parts.use(await open());
    await at.results.announce(topic, speaks('1.0.0'), retained);
    await until(() => at.documents.get('release', 'echo') !== undefined);
    const opened = parts.move();
    const retire = () => retireType({ ...at, ...at.flow }, 'echo');
    return { ...at, retire, [Symbol.asyncDispose]: () => opened.disposeAsync() };
  }

  it('is so no earlier than its WEE, which drained, has been away for 30 s', async () => {
    await using at = await leftBehind();
    const draining = { data: weeWith('wee-1', ['1.0.0'], { status: 'draining' }) };
    await at.results.announce(topic, draining, retained);
    for (let beats = 0; beats < 7; beats += 1) {
      await at.clock.advance(5_000);
      await at.results.announce(topic, draining, retained);
    }
    expect(await at.retire()).toMatchObject({ problem: { detail: 'WEEs have echo: wee-1' } });
    await at.results.announce(topic, leaves, retained);
    expect(await at.retire()).toMatchObject(isTooEarly(0));
    await at.clock.advance(3_000);
    expect(await at.retire()).toMatchObject(isTooEarly(3));
    await at.clock.advance(27_000);
    expect(await at.retire()).toEqual({ value: null });
  });

  it('is not as long as a WEE that is cut off from MQTT beats', async () => {
    await using at = await leftBehind();
    await at.results.announce(topic, leaves, retained);
    const beat = { boot_id: 'boot-1', region: 'here', at: 0, running: [], pools: [] };
    for (let beats = 0; beats < 7; beats += 1) {
      await at.clock.advance(5_000);
      await at.bus.broadcast(exchanges.heartbeats, { ...beat, wee_id: 'wee-1' });
      await at.bus.broadcast(exchanges.heartbeats, { ...beat, wee_id: 'wee-2' });
    }
    await until(() => at.flow.types.sights.absentForMs('echo') === 0);
    await at.clock.advance(29_000);
    expect(await at.retire()).toMatchObject(isTooEarly(29));
    await at.clock.advance(1_000);
    expect(await at.retire()).toEqual({ value: null });
  });

  it('is not before MQTT has been back for 30 s', async () => {
    await using at = await leftBehind();
    await at.results.announce(topic, leaves, retained);
    await at.clock.advance(40_000);
    at.results.become('connecting');
    at.results.become('connected');
    await at.clock.advance(29_999);
    expect(await at.retire()).toMatchObject({ problem: { hint: 'Try again in 1 s.', retry_after_ms: 1 } });
    await at.clock.advance(1);
    expect(await at.retire()).toEqual({ value: null });
  });
});
