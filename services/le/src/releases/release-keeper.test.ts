import { createMemoryBroker, createMemoryBus } from '@tenma/bus/memory';
import {
  type ControlMessage,
  controlMessageSchema,
  exchanges,
  type Presence,
  timestamp,
  topics,
  type VersionReport,
} from '@tenma/protocol';
import { silentLog } from '@tenma/runtime';
import { until } from '@tenma/test-support';
import { describe, expect, it } from 'vitest';
import type { DocumentCache } from '../documents/document-cache.ts';
import { watchFleet } from '../fleet-watch.ts';
import { fakeResults } from '../observe/fixtures/fake-results.ts';
import { openDocuments } from '../observe/fixtures/region-documents.ts';
import { promoteRelease, rollBackRelease, updateRelease } from './by-hand.ts';
import { startMs, weeWith } from './fixture.ts';
import { startReleaseKeeper } from './release-keeper.ts';
import { tellReleases } from './tell-releases.ts';

/** Two replicas of LE over one store and one broker, and WEEs that speak to both. */
async function open() {
  await using parts = new AsyncDisposableStack();
  const { clock, documents, elsewhere } = parts.use(await openDocuments());
  const logged: string[] = [];
  const note = ({ version }: { version?: string }, text: string) => void logged.push(`${text}: ${version}`);
  const log = Object.assign(silentLog(), { info: note, warn: note });
  const broker = createMemoryBroker({ clock });
  const results = fakeResults();
  const told: ControlMessage[] = [];
  const ear = parts.use(createMemoryBus({ broker, clock, log }));
  parts.use(await ear.subscribe(exchanges.control, (body) => told.push(controlMessageSchema.parse(body))));

  async function startReplica(own: DocumentCache) {
    const bus = parts.use(createMemoryBus({ broker, clock, log }));
    const seen = { onAppeared: () => undefined, onHeardAgain: () => undefined };
    const fleet = parts.use(await watchFleet({ bus, results, clock, ...seen }));
    const teller = parts.use(tellReleases({ documents: own, bus, log }));
    parts.use(startReleaseKeeper({ documents: own, fleet, results, clock, log }));
    return { teller, verbs: { documents: own, fleet, clock, log } };
  }
  const { teller, verbs } = await startReplica(documents);
  await startReplica(elsewhere);

  const recordOf = (own: DocumentCache) => own.get('release', 'echo');
  const opened = parts.move();
  return {
    clock,
    told,
    logged,
    teller,
    verbs,
    results,
    forgets: () => documents.write([{ kind: 'release', id: 'echo', expected: 'any', value: null }]),
    version: () => recordOf(documents)?.version,
    release: () => recordOf(documents)?.value,
    speaks: (presence: Presence) =>
      results.announce(topics.worker('here', presence.wee_id), { data: presence }, { qos: 1, retain: true }),
    leaves: ({ wee_id, boot_id }: Presence) => {
      const data = { wee_id, boot_id, region: 'here', status: 'offline' };
      return results.announce(topics.worker('here', wee_id), { data }, { qos: 1, retain: true });
    },
    async beats(wee: string, versions?: readonly VersionReport[]) {
      const beat = { wee_id: wee, boot_id: 'boot-1', region: 'here', at: 0, running: [], pools: [] };
      await ear.broadcast(exchanges.heartbeats, { ...beat, ...(versions && { versions }) });
    },
    /** Resolves when both replicas know it. */
    becomes: (wanted: object) =>
      until(() =>
        [documents, elsewhere].every((own) => {
          void own.refresh();
          const value = recordOf(own)?.value as Record<string, unknown> | undefined;
          return value !== undefined && Object.entries(wanted).every(([key, one]) => value[key] === one);
        }),
      ),
    /** Both replicas have looked once more, and what they wrote has been read. */
    async looksAgain() {
      await clock.advance(5_000);
      for (let turns = 0; turns < 3; turns += 1) {
        await Promise.all([documents.refresh(), elsewhere.refresh()]);
        await new Promise(setImmediate);
      }
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** `at`: when the WEE heard that the trial began. */
function report(
  version: string,
  verdict: VersionReport['verdict'],
  reason: string | null = null,
  at = startMs,
): VersionReport {
  const counts = { processes: 1, running: 0, runs: 20, failures: 0, mean_ms: 5, shadows: 0, differences: 0 };
  return { type: 'echo', version, role: 'candidate', ...counts, verdict, reason, since: timestamp(at) };
}

const old = weeWith('wee-1', ['1.0.0']);
const updated = weeWith('wee-1', ['1.0.0', '1.1.0']);

describe('two replicas of LE', () => {
  it('write down the first version that they see once', async () => {
    await using at = await open();
    await at.speaks(old);
    await at.becomes({ stable: '1.0.0', candidate: null });
    const version = at.version();
    await at.looksAgain();
    expect(at.version()).toBe(version);
  });

  it('bring no release back by what was announced before MQTT was away', async () => {
    await using at = await open();
    await at.speaks(old);
    await at.becomes({ stable: '1.0.0' });
    at.results.become('connecting');
    await at.forgets();
    await at.looksAgain();
    expect(at.release()).toBeUndefined();
    at.results.become('connected');
    await at.looksAgain();
    expect(at.release()).toBeUndefined();
    await at.speaks(old);
    await at.looksAgain();
    await at.becomes({ stable: '1.0.0' });
  });

  it('begin a trial once, and end it once, however often the verdict is repeated', async () => {
    await using at = await open();
    await at.speaks(old);
    await at.becomes({ stable: '1.0.0' });
    await at.speaks(updated);
    await at.becomes({ candidate: '1.1.0', share: 0.1, change: 'begun' });
    const begun = at.version();
    await at.looksAgain();
    expect(at.version()).toBe(begun);

    const verdict = [report('1.1.0', 'unhealthy', 'half of its attempts fail')];
    await at.beats('wee-1', verdict);
    await at.becomes({ candidate: null, change: 'rolled_back' });
    expect(at.release()?.rejected).toMatchObject([{ version: '1.1.0', reason: 'half of its attempts fail' }]);
    const ended = at.version();
    for (let beats = 0; beats < 3; beats += 1) {
      await at.beats('wee-1', verdict);
      await at.looksAgain();
    }
    expect(at.version()).toBe(ended);
  });

  it('promote what more than half of the WEEs that try it find healthy', async () => {
    await using at = await open();
    await at.speaks(old);
    await at.becomes({ stable: '1.0.0' });
    for (const id of ['wee-1', 'wee-2', 'wee-3']) await at.speaks({ ...updated, wee_id: id });
    await at.becomes({ candidate: '1.1.0' });
    await at.clock.advance(10);
    await at.beats('wee-1', [report('1.1.0', 'healthy')]);
    await at.looksAgain();
    expect(at.release()).toMatchObject({ candidate: '1.1.0' });
    for (const id of ['wee-1', 'wee-2']) await at.beats(id, [report('1.1.0', 'healthy')]);
    await at.becomes({ stable: '1.1.0', candidate: null, change: 'promoted' });
  });

  it('do not count a WEE that has gone, and promote nothing that nobody has', async () => {
    await using at = await open();
    await at.speaks(old);
    await at.becomes({ stable: '1.0.0' });
    for (const id of ['wee-2', 'wee-3', 'wee-4']) await at.speaks({ ...updated, wee_id: id });
    await at.becomes({ candidate: '1.1.0' });
    await at.beats('wee-2', [report('1.1.0', 'healthy')]);
    await at.leaves({ ...updated, wee_id: 'wee-2' });
    await at.beats('wee-3', [report('1.1.0', 'healthy')]);
    await at.looksAgain();
    expect(at.release()).toMatchObject({ stable: '1.0.0', candidate: '1.1.0' });
    for (const id of ['wee-3', 'wee-4']) await at.leaves({ ...updated, wee_id: id });
    await at.speaks(old);
    await at.beats('wee-1', [report('1.1.0', 'healthy')]);
    await at.looksAgain();
    expect(at.release()).toMatchObject({ stable: '1.0.0', candidate: '1.1.0' });
    expect(await promoteRelease(at.verbs, 'echo', {})).toMatchObject({
      problem: { code: 'unknown_release' },
    });
  });

  it('do not count WEEs that run what is on trial otherwise than as a candidate', async () => {
    await using at = await open();
    await at.speaks(old);
    await at.becomes({ stable: '1.0.0' });
    const stable = { ...report('1.1.0', null), role: 'stable' as const };
    for (const id of ['wee-2', 'wee-3']) await at.speaks(weeWith(id, ['1.1.0'], { versions: [stable] }));
    await at.speaks(updated);
    await at.becomes({ candidate: '1.1.0' });
    await at.beats('wee-1', [report('1.1.0', 'healthy')]);
    await at.becomes({ stable: '1.1.0' });
  });

  it('move on when the old image is gone for good, not when its WEE starts anew', async () => {
    await using at = await open();
    await at.speaks(old);
    await at.becomes({ stable: '1.0.0' });
    await at.speaks(weeWith('wee-2', ['1.1.0']));
    await at.becomes({ candidate: '1.1.0' });
    await at.leaves(old);
    for (let beats = 0; beats < 5; beats += 1) {
      await at.looksAgain();
      await at.speaks(weeWith('wee-2', ['1.1.0']));
    }
    expect(at.release()).toMatchObject({ stable: '1.0.0', candidate: '1.1.0' });
    for (let beats = 0; beats < 2; beats += 1) {
      await at.looksAgain();
      await at.speaks(weeWith('wee-2', ['1.1.0']));
    }
    await at.becomes({ stable: '1.1.0', candidate: null, change: 'changed' });
    expect(at.logged).toEqual(['a version is on trial: 1.1.0', 'a release was changed: 1.1.0']);
  });
});

describe('a release that is changed by hand', () => {
  it('tries a rejected version anew, whatever the WEEs still say of the trial before', async () => {
    await using at = await open();
    await at.speaks(updated);
    await at.becomes({ stable: '1.1.0' });
    await at.speaks(weeWith('wee-1', ['1.0.0', '1.1.0', '1.2.0']));
    await at.becomes({ candidate: '1.2.0' });
    const verdict = [report('1.2.0', 'unhealthy')];
    await at.beats('wee-1', verdict);
    await at.becomes({ candidate: null });
    await at.clock.advance(1_000);
    await updateRelease(at.verbs, 'echo', { version: '1.2.0', share: 0.5 });
    await at.becomes({ candidate: '1.2.0', share: 0.5, change: 'begun' });
    expect(at.release()?.rejected).toEqual([]);
    await at.beats('wee-1', verdict);
    await at.looksAgain();
    expect(at.release()).toMatchObject({ candidate: '1.2.0' });
    // It has heard of the trial, and comes to the same end again.
    await at.beats('wee-1', [report('1.2.0', 'unhealthy', null, startMs + 1_000)]);
    await at.becomes({ candidate: null, change: 'rolled_back' });
  });

  it('is held after a rollback until somebody asks for a newer version', async () => {
    await using at = await open();
    await at.speaks(updated);
    await at.becomes({ stable: '1.1.0' });
    await rollBackRelease(at.verbs, 'echo', { reason: 'customers complain' });
    await at.becomes({ stable: '1.0.0', hold: true, change: 'rolled_back' });
    expect(at.release()?.rejected).toMatchObject([{ version: '1.1.0', reason: 'customers complain' }]);
    await at.speaks(weeWith('wee-1', ['1.0.0', '1.1.0', '1.2.0']));
    await at.looksAgain();
    expect(at.release()).toMatchObject({ stable: '1.0.0', candidate: null });
    await updateRelease(at.verbs, 'echo', { version: '1.2.0', share: 0.2 });
    await at.becomes({ candidate: '1.2.0', hold: false });
    await promoteRelease(at.verbs, 'echo', {});
    await at.becomes({ stable: '1.2.0', candidate: null, change: 'promoted' });
  });
});

describe('the log', () => {
  it('of the replica that wrote it tells how a trial begins and ends, by itself or by hand', async () => {
    await using at = await open();
    await at.speaks(updated);
    await at.becomes({ stable: '1.1.0' });
    expect(at.logged).toEqual([]);
    await at.speaks(weeWith('wee-1', ['1.0.0', '1.1.0', '1.2.0', '1.3.0']));
    await at.becomes({ candidate: '1.3.0' });
    await at.beats('wee-1', [report('1.3.0', 'unhealthy')]);
    await at.becomes({ candidate: '1.2.0' });
    await promoteRelease(at.verbs, 'echo', {});
    await at.becomes({ stable: '1.2.0' });
    await rollBackRelease(at.verbs, 'echo', { reason: 'customers complain' });
    await at.becomes({ stable: '1.1.0' });
    expect(at.logged).toEqual([
      'a version is on trial: 1.3.0',
      'a version was rejected: 1.3.0',
      'a version is on trial: 1.2.0',
      'a version was promoted: 1.2.0',
      'a version was rejected: 1.2.0',
    ]);
  });
});

describe('a version that is named', () => {
  const conflict = (detail: string) => ({ problem: { code: 'invalid_state', detail } });

  it('is promoted or rejected only while it is on trial, whatever has come in its place', async () => {
    await using at = await open();
    await at.speaks(updated);
    await at.becomes({ stable: '1.1.0' });
    await at.speaks(weeWith('wee-1', ['1.0.0', '1.1.0', '1.2.0']));
    await at.becomes({ candidate: '1.2.0' });
    const late = { version: '1.0.0', reason: 'slow' };
    const isNot = conflict('1.0.0 of echo is not on trial');
    expect(await promoteRelease(at.verbs, 'echo', late)).toMatchObject(isNot);
    expect(await rollBackRelease(at.verbs, 'echo', late)).toMatchObject(isNot);
    expect(at.release()).toMatchObject({ stable: '1.1.0', candidate: '1.2.0', rejected: [] });
    await promoteRelease(at.verbs, 'echo', { version: '1.2.0' });
    await at.becomes({ stable: '1.2.0', candidate: null });
  });

  it('stays what it is where it is stable, or rejected, already', async () => {
    await using at = await open();
    await at.speaks(updated);
    await at.becomes({ stable: '1.1.0' });
    await at.speaks(weeWith('wee-1', ['1.0.0', '1.1.0', '1.2.0']));
    await at.becomes({ candidate: '1.2.0' });
    await rollBackRelease(at.verbs, 'echo', { version: '1.2.0', reason: 'slow' });
    await at.becomes({ candidate: null });
    const before = at.version();
    const value = { stable: '1.1.0', candidate: null, rejected: [{ version: '1.2.0', reason: 'slow' }] };
    const again = await rollBackRelease(at.verbs, 'echo', { version: '1.2.0', reason: 'very slow' });
    expect(again).toMatchObject({ value });
    expect(await promoteRelease(at.verbs, 'echo', { version: '1.1.0' })).toMatchObject({ value });
    expect(at.version()).toBe(before);
    expect(at.logged).toHaveLength(2);
  });

  it('is gone back from only while it is stable', async () => {
    await using at = await open();
    await at.speaks(updated);
    await at.becomes({ stable: '1.1.0' });
    const late = { version: '1.0.0', reason: 'slow' };
    const isNot = conflict('1.0.0 of echo is neither on trial nor the stable version');
    expect(await rollBackRelease(at.verbs, 'echo', late)).toMatchObject(isNot);
    expect(at.release()).toMatchObject({ stable: '1.1.0', rejected: [] });
    await rollBackRelease(at.verbs, 'echo', { ...late, version: '1.1.0' });
    await at.becomes({ stable: '1.0.0', hold: true });
  });
});

describe('WEEs', () => {
  it('are told each change of a release, without what is only for the record', async () => {
    await using at = await open();
    await at.speaks(old);
    await at.becomes({ stable: '1.0.0' });
    await at.speaks(updated);
    await at.becomes({ candidate: '1.1.0' });
    const last = () => at.told.at(-1);
    await until(() => last()?.kind === 'release' && JSON.stringify(last()).includes('1.1.0'));
    expect(last()).toEqual({
      kind: 'release',
      releases: [
        {
          type: 'echo',
          stable: '1.0.0',
          candidate: '1.1.0',
          share: 0.1,
          since: '2026-02-20T10:00:00.000Z',
          rejected: [],
          hold: false,
        },
      ],
    });
  });

  it('that may have missed it are told all of them again', async () => {
    await using at = await open();
    const other = old.types.map((type) => ({ ...type, type: 'another' }));
    await at.speaks({ ...old, types: [...old.types, ...other] });
    await at.becomes({ stable: '1.0.0' });
    await until(() => at.told.length > 0);
    at.told.length = 0;
    at.teller.repeat();
    await until(() => at.told.length > 0);
    expect(at.told).toMatchObject([{ kind: 'release', releases: [{ type: 'another' }, { type: 'echo' }] }]);
  });
});
