import type { FleetView } from '@tenma/fleet';
import { paces } from '@tenma/geo';
import type { FailoverRequest, Verdict } from '@tenma/protocol';
import { type ManualClock, manualClock, silentLog } from '@tenma/runtime';
import { createSqliteStore } from '@tenma/store/sqlite';
import { temporaryFolder, until } from '@tenma/test-support';
import { describe, expect, it } from 'vitest';
import { type DocumentCache, keepDocuments } from '../documents/document-cache.ts';
import { sourceRegions, writeFirstDocuments } from '../geo/first-documents.ts';

import type { GeoSettings } from '../geo/settings.ts';
import { createFailoverControl, type FailoverControl } from './failover.ts';
import type { TaskMover } from './task-mover.ts';

const settings: GeoSettings = {
  enabled: true,
  pace: paces.default,
  defaultRegions: sourceRegions,
  firstActive: 'ap-northeast-1',
  autoFailover: true,
  replicationGroupSize: 2,
  cooldownMs: 300_000,
  latencyIntervalMs: 60_000,
  taskRetentionMs: 3_600_000,
};

interface Fixture extends AsyncDisposable {
  readonly clock: ManualClock;
  readonly documents: DocumentCache;
  readonly failover: FailoverControl;
  /** A second replica on the same store. */
  readonly other: FailoverControl;
  readonly left: { region: string; epoch: number }[];
  verdict(regionId: string, status: Verdict['status'], quarantined?: boolean): Promise<void>;
  active(): { region_id: string; epoch: number } | undefined;
}

async function open(): Promise<Fixture> {
  await using parts = new AsyncDisposableStack();
  const clock = manualClock(Date.parse('2026-02-20T10:00:00Z'));
  const log = silentLog();
  const folder = parts.use(await temporaryFolder());
  const store = parts.use(await createSqliteStore({ clock, log }, { path: `${folder.path}/tenma.db` }));
  const first = writeFirstDocuments(settings, clock);
  const documents = parts.use(keepDocuments({ store, clock, log }, first));
  const elsewhere = parts.use(keepDocuments({ store, clock, log }, first));
  await until(() => documents.loaded && elsewhere.loaded, { what: 'the documents being loaded' });
  const left: Fixture['left'] = [];
  const mover: TaskMover = {
    leave: (region, epoch) => Promise.resolve(left.push({ region, epoch })),
    repeat() {},
    [Symbol.dispose]() {},
  };
  let made = 0;
  const newId = () => `01990b4c-6f2a-7cc3-9d5e-${String((made += 1)).padStart(12, '0')}`;
  // Workers everywhere.
  const pools = sourceRegions.map(({ region_id: region }) => [`${region}/echo-v1`, { region }] as const);
  const fleet = { view: { wees: new Map(), pools: new Map(pools) } as unknown as FleetView };
  const base = { fleet, mover, settings, clock, log, newId };
  const opened = parts.move();
  return {
    clock,
    documents,
    left,
    failover: createFailoverControl({ ...base, documents }),
    other: createFailoverControl({ ...base, documents: elsewhere }),
    async verdict(regionId, status, quarantined = false) {
      const value: Verdict = {
        status,
        reason: null,
        since: '2026-02-20T10:00:00Z',
        quarantined,
        observers: [],
      };
      await documents.write([{ kind: 'region-verdict', id: regionId, expected: 'any', value }]);
      await elsewhere.refresh();
    },
    active: () => documents.get('active-region', 'active')?.value,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

const request = (changes: Partial<FailoverRequest> = {}): FailoverRequest => ({
  from_region: 'ap-northeast-1',
  to_region: 'us-east-1',
  prefer: 'priority',
  reason: 'region_unavailable',
  triggered_by: 'operator',
  dry_run: false,
  ...changes,
});
const automatic = {
  automatic: true,
  taskId: null,
  detectedAt: null,
  confirmedFrom: null,
  confirmations: [],
};

describe('a failover by hand', () => {
  it('moves the active region under the next epoch, writes it down, and has tasks placed anew', async () => {
    await using fixture = await open();
    const answer = await fixture.failover.request(request());
    expect(answer).toMatchObject({
      event: { to_region: 'us-east-1', success: true, epoch: 2, replaced_tasks: 1, automatic: false },
    });
    expect(fixture.active()).toMatchObject({ region_id: 'us-east-1', epoch: 2 });
    expect(fixture.left).toEqual([{ region: 'ap-northeast-1', epoch: 2 }]);
    const [event] = [...fixture.documents.all('failover').values()];
    expect(event?.value).toMatchObject({ from_region: 'ap-northeast-1', replaced_tasks: 1 });
  });

  it('changes nothing in a dry run, and says what it would do', async () => {
    await using fixture = await open();
    const answer = await fixture.failover.request(request({ to_region: undefined, dry_run: true }));
    expect(answer).toMatchObject({ event: { to_region: 'us-east-1', dry_run: true, epoch: 1 } });
    expect(fixture.active()).toMatchObject({ region_id: 'ap-northeast-1', epoch: 1 });
    expect(fixture.documents.all('failover').size).toBe(0);
    expect(fixture.left).toEqual([]);
  });

  it.each([
    ['to a region that is offline', { to_region: 'eu-west-1' }, 'failover_refused'],
    ['to one that nobody knows', { to_region: 'atlantis' }, 'unknown_region'],
    ['from one that nobody knows', { from_region: 'atlantis' }, 'unknown_region'],
    ['to itself', { to_region: 'ap-northeast-1' }, 'failover_refused'],
    ['from a region that is not active', { from_region: 'us-west-2' }, 'failover_refused'],
  ])('is refused %s', async (_, changes, code) => {
    await using fixture = await open();
    await fixture.verdict('eu-west-1', 'offline');
    const answer = await fixture.failover.request(request(changes));
    expect(answer).toMatchObject({ problem: { code } });
    expect(fixture.active()).toMatchObject({ region_id: 'ap-northeast-1', epoch: 1 });
    expect(fixture.documents.all('failover').size).toBe(0);
  });

  it('is refused during the cool-down, which says how long it lasts; setting the region by hand is not', async () => {
    await using fixture = await open();
    await fixture.failover.request(request());
    await fixture.clock.advance(60_000);
    const back = request({ from_region: 'us-east-1', to_region: 'ap-northeast-1' });
    expect(await fixture.failover.request(back)).toMatchObject({
      problem: { code: 'failover_cooldown', status: 409, retry_after_ms: 240_000 },
    });
    expect(await fixture.failover.activate('ap-northeast-1')).toMatchObject({
      active: { region_id: 'ap-northeast-1', epoch: 3 },
    });
    expect(fixture.left.at(-1)).toEqual({ region: 'us-east-1', epoch: 3 });
    const history = [...fixture.documents.all('failover').values()].map(({ value }) => value);
    expect(history.map(({ kind, epoch }) => `${kind} ${epoch}`).sort()).toEqual([
      'activation 3',
      'failover 2',
    ]);
  });

  it('makes one epoch of two that race', async () => {
    await using fixture = await open();
    const answers = await Promise.all([
      fixture.failover.request(request()),
      fixture.other.request(request({ to_region: 'us-west-2' })),
    ]);
    expect(answers.filter((answer) => 'event' in answer)).toHaveLength(1);
    await fixture.documents.refresh();
    expect(fixture.active()).toMatchObject({ epoch: 2 });
    expect(fixture.documents.all('failover').size).toBe(1);
  });
});

describe('an automatic failover', () => {
  it('needs the active region to be offline', async () => {
    await using fixture = await open();
    const wish = request({ to_region: undefined });
    expect(await fixture.failover.request(wish, automatic)).toMatchObject({
      problem: { code: 'failover_refused' },
    });
    await fixture.verdict('ap-northeast-1', 'offline');
    expect(await fixture.failover.request(wish, automatic)).toMatchObject({
      event: { automatic: true, to_region: 'us-east-1' },
    });
  });

  it('passes over regions that are not well or flap, and says so', async () => {
    await using fixture = await open();
    await fixture.verdict('ap-northeast-1', 'offline');
    await fixture.verdict('us-east-1', 'degraded');
    await fixture.verdict('us-west-2', 'online', true);
    const answer = await fixture.failover.request(request({ to_region: undefined }), automatic);
    expect(answer).toMatchObject({ event: { to_region: 'eu-west-1' } });
    const rejected =
      'event' in answer ? answer.event.evidence.rejected.map(({ region_id }) => region_id) : [];
    expect(rejected).toEqual(expect.arrayContaining(['us-east-1', 'us-west-2']));
  });
});
