import { defaults, type Heartbeat, type Presence, type Release } from '@tenma/protocol';
import type { Results } from '@tenma/results';
import { type Clock, every, type Log } from '@tenma/runtime';
import { changeDocuments } from '../documents/change-documents.ts';
import type { DocumentCache } from '../documents/document-cache.ts';
import { type FleetWatch, onlineOf } from '../fleet-watch.ts';
import { goneAfterMs } from '../type-sights.ts';
import { createWakeable, type Wakeable } from '../wakeable.ts';
import { triersOf, versionsByType } from './fleet-sight.ts';
import { judgeRelease, type ReleaseSight, type Verdict } from './judge-release.ts';
import { logRelease } from './log-release.ts';

interface Components {
  readonly documents: DocumentCache;
  readonly fleet: Pick<FleetWatch, 'view' | 'onVersions' | 'onHeartbeat'>;
  readonly results: Pick<Results, 'status' | 'onStatus'>;
  readonly clock: Clock;
  readonly log: Log;
}

const silentMs = 3 * defaults.heartbeatMs;

/**
 * Begins, ends and follows up trials by what the WEEs announce and find. Every replica does; the store decides which of
 * them was first, and the others look at what has become of it.
 */
export function startReleaseKeeper(components: Components): Disposable {
  return new ReleaseKeeper(components);
}

interface TypeVerdict extends Verdict {
  readonly type: string;
}

/** What a WEE last said of its candidates. */
interface Heard {
  readonly at: number;
  readonly verdicts: readonly TypeVerdict[];
}

class ReleaseKeeper implements Disposable {
  readonly #components: Components;
  readonly #parts: Disposable[];
  readonly #looking: Wakeable;
  readonly #heard = new Map<string, Heard>();
  /** By type and version: since when nobody has had it, on the monotonic clock. */
  #missing: ReadonlyMap<string, number> = new Map();

  /** What was said before MQTT was away: who said it may have gone meanwhile. */
  #unconfirmed: ReadonlySet<Presence> = new Set();

  constructor(components: Components) {
    const { documents, fleet, results, clock, log } = components;
    this.#components = components;
    this.#looking = createWakeable(
      () => this.#look(),
      (error) => log.warn({ err: error }, 'releases are not looked at now; they are again a little later'),
    );
    this.#parts = [
      fleet.onVersions(() => this.#looking.wake()),
      fleet.onHeartbeat((heartbeat) => this.#hear(heartbeat)),
      results.onStatus((status) => {
        if (status === 'connected') this.#unconfirmed = new Set(onlineOf(fleet.view));
      }),
      // The end of a trial makes room for the next; and what appeared before the documents were read waits for them.
      documents.onChange(() => this.#looking.wake()),
      every(clock, defaults.heartbeatMs, () => this.#looking.wake()),
    ];
  }

  [Symbol.dispose](): void {
    for (const part of this.#parts) part[Symbol.dispose]();
  }

  #hear({ wee_id: weeId, versions = [] }: Heartbeat): void {
    const verdicts: TypeVerdict[] = [];
    for (const { type, version, verdict, reason, since: trial } of versions) {
      if (verdict !== 'healthy' && verdict !== 'unhealthy') continue;
      verdicts.push({ type, weeId, version, verdict, reason, trial });
    }
    this.#heard.set(weeId, { at: this.#components.clock.monotonic(), verdicts });
    if (verdicts.length > 0) this.#looking.wake();
  }

  async #look(): Promise<void> {
    const { documents, fleet, log } = this.#components;
    if (!documents.loaded) return;
    this.#forgetSilent();
    const types = versionsByType(onlineOf(fleet.view));
    this.#missing = this.#missingNow(types);
    const done = await changeDocuments(documents, () => {
      const writes = [...types].flatMap(([type, versions]) => this.#writeOf(type, versions) ?? []);
      // A type that is seen for the first time is no news of its release.
      return { writes, value: writes.filter(({ expected }) => expected > 0).map(({ value }) => value) };
    });
    if ('problem' in done) log.debug({}, 'releases were changed by others all the time');
    else for (const release of done.value) logRelease(log, release);
  }

  #writeOf(type: string, announced: ReadonlySet<string>) {
    const { documents, clock } = this.#components;
    const known = documents.get('release', type);
    if (known === undefined && !this.#isConfirmed(type)) return null;
    const sight = this.#sightOf(type, announced);
    const value = judgeRelease(known?.value ?? null, sight, clock.now());
    return value && ({ kind: 'release', id: type, expected: known?.version ?? 0, value } as const);
  }

  /** Somebody has it for sure: a release that was deleted must not come back by what is no longer true. */
  #isConfirmed(type: string): boolean {
    const { fleet, results } = this.#components;
    if (results.status !== 'connected') return false;
    const confirmed = onlineOf(fleet.view).filter((presence) => !this.#unconfirmed.has(presence));
    return confirmed.some(({ types }) => types.some((one) => one.type === type));
  }

  #sightOf(type: string, announced: ReadonlySet<string>): ReleaseSight {
    const { documents, fleet, clock } = this.#components;
    const release = documents.get('release', type)?.value;
    const online = onlineOf(fleet.view);
    const heard = online.flatMap(({ wee_id: id }) => this.#heard.get(id)?.verdicts ?? []);
    const isGone = (version: string) =>
      clock.monotonic() - (this.#missing.get(`${type} ${version}`) ?? Infinity) >= goneAfterMs;
    return {
      type,
      announced: [...announced],
      gone: trustedOrTried(release).filter(isGone),
      triers: release?.candidate ? triersOf(online, type, release.candidate) : [],
      verdicts: heard.filter((verdict) => verdict.type === type),
    };
  }

  #missingNow(types: ReadonlyMap<string, ReadonlySet<string>>): Map<string, number> {
    const { documents, clock } = this.#components;
    const missing = new Map<string, number>();
    for (const [type, announced] of types) {
      for (const version of trustedOrTried(documents.get('release', type)?.value)) {
        const key = `${type} ${version}`;
        if (!announced.has(version)) missing.set(key, this.#missing.get(key) ?? clock.monotonic());
      }
    }
    return missing;
  }

  #forgetSilent(): void {
    const now = this.#components.clock.monotonic();
    for (const [weeId, { at }] of this.#heard) if (now - at > silentMs) this.#heard.delete(weeId);
  }
}

function trustedOrTried(release: Release | undefined): string[] {
  if (!release) return [];
  return release.candidate === null ? [release.stable] : [release.stable, release.candidate];
}
