import {
  defaultShare,
  idleReport,
  majorOf,
  type Release,
  type TaskType,
  type VersionReport,
} from '@tenma/protocol';
import type { WorkerVersion } from '@tenma/worker/messages';
import { type Catalog, type CatalogComponents, createCatalog } from '../catalog/catalog.ts';
import type { GroupOptions } from '../processes/interfaces.ts';
import type { PoolWorkers, Roster } from './interfaces.ts';
import { planVersions } from './plan-versions.ts';
import {
  createVersionSet,
  type VersionPlan,
  type VersionSet,
  type VersionSetComponents,
} from './version-set.ts';

export interface RosterOptions {
  /** Module specifiers of worker packages. */
  readonly packages: readonly string[];
  /** A folder of worker packages by name and version, watched for new ones. */
  readonly directory?: string | undefined;
  readonly labels: readonly string[];
  /** Of one version of a type, at most. Default 2. */
  readonly processes?: number;
  /** Types that differ from that. */
  readonly pools?: Readonly<Record<string, GroupOptions>>;
}

type Components = CatalogComponents & Omit<VersionSetComponents, 'onChange'>;

/**
 * Resolves when every pool of what is there at the start is ready, or has failed to be once; such a one is tried again.
 * @throws Error naming the package, when one of `packages` does not load
 */
export async function createRoster(components: Components, options: RosterOptions): Promise<Roster> {
  const catalog = await createCatalog(components, options);
  const roster = new ReleaseRoster(components, options, catalog);
  await roster.opened();
  return roster;
}

class ReleaseRoster implements Roster {
  readonly #components: Components;
  readonly #options: RosterOptions;
  readonly #catalog: Catalog;
  readonly #catalogChanges: Disposable;
  readonly #releases = new Map<string, Release>();
  /** By pool: type and major. */
  readonly #sets = new Map<string, VersionSet>();
  /** Of pools that have gone, and still run something. */
  readonly #leaving = new Set<VersionSet>();
  readonly #listeners = new Set<() => void>();
  /** By type: the stable version that is not here, of which the log has been told. */
  readonly #missing = new Map<string, string>();
  #told = '';
  #planning = false;
  #closed = false;

  constructor(components: Components, options: RosterOptions, catalog: Catalog) {
    this.#components = components;
    this.#options = options;
    this.#catalog = catalog;
    this.#catalogChanges = catalog.onChange(() => this.#plan());
    this.#plan();
  }

  async opened(): Promise<void> {
    await Promise.all([...this.#sets.values()].map((set) => set.opened));
  }

  get pools(): readonly PoolWorkers[] {
    return [...this.#sets.values()].filter((set) => set.stable !== null);
  }

  get types(): readonly TaskType[] {
    return [...this.#available().values()].map(({ type }) => type);
  }

  get reports(): readonly VersionReport[] {
    const told = new Map([...this.#available().values()].map(({ type }) => [keyOf(type), type]));
    for (const { versions } of [...this.#sets.values(), ...this.#leaving]) {
      for (const { type } of versions) told.set(keyOf(type), type);
    }
    return [...told.values()].map((type) => this.#report(type));
  }

  follow(releases: readonly Release[]): void {
    for (const release of releases) this.#releases.set(release.type, release);
    this.#plan();
  }

  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#catalogChanges[Symbol.dispose]();
    this.#listeners.clear();
    await this.#catalog[Symbol.asyncDispose]();
    await Promise.all([...this.#sets.values(), ...this.#leaving].map((set) => set[Symbol.asyncDispose]()));
  }

  /**
   * What the catalog holds; and stable versions that were taken out of it, until another one replaces them or no process
   * of theirs can be started any more.
   */
  #available(): ReadonlyMap<string, WorkerVersion> {
    const workers = new Map(this.#catalog.workers.map((worker) => [keyOf(worker.type), worker]));
    for (const { stable, faulty } of this.#sets.values()) {
      if (stable && !faulty && !workers.has(keyOf(stable.type))) workers.set(keyOf(stable.type), stable);
    }
    return workers;
  }

  /** Brings the sets of versions in step with what is there and what LE says. */
  #plan(): void {
    if (this.#closed) return;
    this.#planning = true;
    const wanted = this.#wanted();
    for (const [pool, set] of this.#sets) {
      if (wanted.has(pool)) continue;
      this.#sets.delete(pool);
      this.#leaving.add(set);
      set.retire();
    }
    for (const [pool, plan] of wanted) {
      const set = this.#sets.get(pool);
      if (set) set.follow(plan);
      else this.#sets.set(pool, this.#open(plan));
    }
    this.#planning = false;
    this.#changed();
  }

  #wanted(): ReadonlyMap<string, VersionPlan> {
    const available = this.#available();
    const byType = Map.groupBy(available.values(), ({ type }) => type.type);
    const wanted = new Map<string, VersionPlan>();
    for (const [type, workers] of byType) {
      const release = this.#releases.get(type);
      const plan = planVersions(
        workers.map((worker) => worker.type.version),
        release,
      );
      for (const [major, { stable, candidate }] of plan) {
        const worker = available.get(keyOf({ type, version: stable }));
        if (!worker) continue;
        if (release && majorOf(release.stable) === major) this.#tellIfMissing(release, stable);
        wanted.set(`${type}-v${major}`, {
          stable: worker,
          candidate: (candidate !== null && available.get(keyOf({ type, version: candidate }))) || null,
          share: release?.share ?? defaultShare,
          since: release?.since ?? '',
        });
      }
    }
    return wanted;
  }

  /** Somebody has left the folder of versions out at a start, or takes one away too early. */
  #tellIfMissing({ type, stable }: Release, instead: string): void {
    if (stable === instead) this.#missing.delete(type);
    if (stable === instead || this.#missing.get(type) === stable) return;
    this.#missing.set(type, stable);
    this.#components.log.warn(
      { type, stable, instead },
      'the stable version is not here, another one runs instead; was TENMA_WORKERS_DIR set, or a package left out?',
    );
  }

  #open(plan: VersionPlan): VersionSet {
    const { processes = 2, pools = {} } = this.#options;
    const bounds = pools[plan.stable.type.type] ?? { min: 0, max: processes };
    return createVersionSet({ ...this.#components, onChange: () => this.#onSetChange() }, plan, bounds);
  }

  #onSetChange(): void {
    for (const set of this.#leaving) if (set.versions.length === 0) this.#leaving.delete(set);
    if (this.#planning || this.#closed) return;
    if (this.#isMissingOne()) this.#plan();
    else this.#changed();
  }

  /** A pool runs on a version that is not there any more, and cannot be started. */
  #isMissingOne(): boolean {
    const available = this.#available();
    return [...this.#sets.values()].some(({ stable }) => stable && !available.has(keyOf(stable.type)));
  }

  #report(type: TaskType): VersionReport {
    const pool = `${type.type}-v${majorOf(type.version)}`;
    const leaving = [...this.#leaving].find(({ versions }) =>
      versions.some((worker) => keyOf(worker.type) === keyOf(type)),
    );
    const found = (this.#sets.get(pool) ?? leaving)?.report(type.version);
    const release = this.#releases.get(type.type);
    const rejection = release?.rejected.find(({ version }) => version === type.version);
    const { role, reason, ...figures } = found ?? { ...idleReport, role: null };
    return {
      type: type.type,
      version: type.version,
      ...figures,
      role: role ?? (rejection ? 'rejected' : 'idle'),
      reason: reason ?? rejection?.reason ?? null,
      ...(release && figures.verdict !== null ? { since: release.since } : {}),
    };
  }

  /** Tells once of what comes at once, and only of what there is to tell. */
  #changed(): void {
    if (this.#planning || this.#closed) return;
    const told = this.reports.map((report) => [keyOf(report), report.role, report.verdict]);
    const text = JSON.stringify([told, this.pools.map(({ type }) => keyOf(type))]);
    if (text === this.#told) return;
    this.#told = text;
    for (const listener of this.#listeners) listener();
  }
}

const keyOf = ({ type, version }: { type: string; version: string }) => `${type}@${version}`;
