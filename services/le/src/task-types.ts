import { type Json, majorOf, type Presence, type Release, type TaskType } from '@tenma/protocol';
import { type Clock, type Log, sleep } from '@tenma/runtime';
import type { Store } from '@tenma/store';
import type { DocumentCache, DocumentChange } from './documents/document-cache.ts';
import { createInputCheck, type InputCheck, type InputFault } from './input-check.ts';
import { liveVersions } from './releases/live-versions.ts';
import { forgetType, rememberedTypes, rememberTypes } from './remembered-types.ts';
import { createTypeSights, type TypeSights } from './type-sights.ts';

/**
 * The task types that workers have announced, with the check of their inputs. Of each major one version counts: the
 * trusted one, or the highest. Remembered in the store. Once the documents have been read, what has no release and is
 * announced by nobody is unknown.
 */
export interface TaskTypes {
  /** As the release's stable version has it, or the one of its major that is there; without a release the highest. */
  get(type: string): TaskType | undefined;
  all(): readonly TaskType[];
  /** What is wrong with an input, by JSON pointer; empty when some version takes it. */
  faults(type: string, input: Json): InputFault[];
  /** Which versions take an input. The type has to be known. */
  judge(type: string, input: Json): Judged;
  /** Somebody has come or gone, or has other versions; `online` is the whole fleet. */
  announced(online: Iterable<Presence>): void;
  /** Reads what earlier runs have learned; tries until the store answers. */
  load(signal: AbortSignal): Promise<void>;
  /** It has: what is unknown now is unknown. */
  readonly loaded: boolean;
  /** Releases have changed. What lost its own has been forgotten, here or by another replica. */
  onChange(changes: readonly DocumentChange[]): void;
  /** For all runs to come, too, unless somebody has it now. @throws StoreUnavailableError */
  forget(type: string): Promise<void>;
  /** Until when somebody had which. */
  readonly sights: TypeSights;
}

/**
 * `type`: as the preferred major has it. `majors`: all that accept the input, that of the stable version first; only
 * where somebody has several. `trialMajor`: one of them that the first attempt is to try. `faults`: what the preferred
 * major finds, when none accepts it.
 */
export type Judged =
  | { readonly type: TaskType; readonly majors?: readonly number[]; readonly trialMajor?: number }
  | { readonly faults: InputFault[] };

interface Components {
  readonly store: Store;
  readonly documents: Pick<DocumentCache, 'get' | 'loaded'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
}

interface Version {
  readonly type: TaskType;
  readonly text: string;
  readonly check: InputCheck;
}

interface Entry {
  readonly versions: Map<string, Version>;
  /** Those that somebody has now. */
  announced: ReadonlySet<string>;
  /** One of each major that may be used, the preferred one first; worked out anew when the release is another. */
  live: Live | undefined;
}

interface Live {
  readonly release: Release | undefined;
  readonly versions: readonly Version[];
  /** Nobody runs another major than that of the stable version, not even one whose schema does not count. */
  readonly oneMajor: boolean;
}

const retryMs = 500;
const nothingLive: Live = { release: undefined, versions: [], oneMajor: true };

export function createTaskTypes(components: Components): TaskTypes {
  return new AnnouncedTypes(components);
}

class AnnouncedTypes implements TaskTypes {
  readonly sights: TypeSights;
  readonly #components: Components;
  readonly #entries = new Map<string, Entry>();
  #loaded = false;

  constructor(components: Components) {
    this.#components = components;
    this.sights = createTypeSights(components.clock);
  }

  get loaded(): boolean {
    return this.#loaded;
  }

  get(type: string): TaskType | undefined {
    return this.#liveOf(type).versions[0]?.type;
  }

  all(): readonly TaskType[] {
    return [...this.#entries.keys()]
      .sort((a, b) => a.localeCompare(b))
      .flatMap((type) => this.get(type) ?? []);
  }

  faults(type: string, input: Json): InputFault[] {
    const live = this.#liveOf(type).versions;
    if (live.some(({ check }) => check.accepts(input))) return [];
    return live[0]?.check.faults(input) ?? [];
  }

  judge(type: string, input: Json): Judged {
    const { versions, oneMajor } = this.#liveOf(type);
    const accepting = versions.filter(({ check }) => check.accepts(input));
    const [preferred] = accepting;
    if (!preferred) return { faults: versions[0]?.check.faults(input) ?? [] };
    if (versions.length === 1 && oneMajor) return { type: preferred.type };
    const majors = accepting.map(majorOfVersion);
    const trialMajor = this.#drawTrial(type, majors);
    return { type: preferred.type, majors, ...(trialMajor === undefined ? {} : { trialMajor }) };
  }

  announced(online: Iterable<Presence>): void {
    const announced = byTypeAndVersion(online);
    const changed: string[] = [];
    for (const [type, versions] of announced) {
      const news = [...versions.values()].filter((one) => this.#learn(one));
      if (news.length > 0) changed.push(type);
    }
    for (const [type, entry] of this.#entries) {
      entry.announced = new Set(announced.get(type)?.keys());
      entry.live = undefined;
      this.#forgetReplaced(type, entry);
    }
    this.#dropForgotten();
    if (changed.length > 0) this.#remember(changed);
  }

  async load(signal: AbortSignal): Promise<void> {
    const { store, clock } = this.#components;
    while (!signal.aborted) {
      try {
        for (const type of await rememberedTypes(store)) {
          if (!this.#entries.get(type.type)?.versions.has(type.version)) this.#learn(type);
        }
        this.#dropForgotten();
        this.#loaded = true;
        return;
      } catch {
        await sleep(clock, retryMs, signal).catch(() => undefined);
      }
    }
  }

  onChange(changes: readonly DocumentChange[]): void {
    const ids = changes.filter(({ kind }) => kind === 'release').map(({ id }) => id);
    this.#dropForgotten();
    // Another version may be the one that counts; who has not heard of it leaves it to the others.
    const known = ids.filter((id) =>
      this.#entries.get(id)?.versions.has(this.#releaseOf(id)?.stable ?? 'none'),
    );
    if (known.length > 0) this.#remember(known);
  }

  async forget(type: string): Promise<void> {
    await forgetType(this.#components.store, type);
    this.#dropForgotten();
    // Somebody has come with it meanwhile, and what was remembered of that may just have been deleted.
    if (this.#entries.has(type)) this.#remember([type]);
  }

  /** All of them at every turn: what was read of the store may be older than what was read of the releases. */
  #dropForgotten(): void {
    if (!this.#components.documents.loaded) return;
    for (const [type, { announced }] of this.#entries) {
      if (announced.size === 0 && this.#releaseOf(type) === undefined) this.#entries.delete(type);
    }
  }

  /** Whether it is new. */
  #learn(type: TaskType): boolean {
    const entry = this.#entries.get(type.type) ?? {
      versions: new Map<string, Version>(),
      announced: new Set<string>(),
      live: undefined,
    };
    this.#entries.set(type.type, entry);
    const text = JSON.stringify(type);
    if (entry.versions.get(type.version)?.text === text) return false;
    entry.versions.set(type.version, { type, text, check: createInputCheck(type.input_schema) });
    entry.live = undefined;
    return true;
  }

  /** What nobody has any more makes way for what has come in its major. */
  #forgetReplaced(type: string, { versions, announced }: Entry): void {
    const release = this.#releaseOf(type);
    const replaced = new Set([...announced].map(majorOf));
    for (const version of versions.keys()) {
      const isNeeded =
        announced.has(version) || version === release?.stable || version === release?.candidate;
      if (!isNeeded && replaced.has(majorOf(version))) versions.delete(version);
    }
  }

  #remember(types: readonly string[]): void {
    const { store, log } = this.#components;
    const known = types.flatMap((type) => this.#liveOf(type).versions.map((version) => version.type));
    rememberTypes(store, known).catch((error: unknown) =>
      log.warn({ err: error }, 'task types not remembered'),
    );
  }

  #liveOf(type: string): Live {
    const entry = this.#entries.get(type);
    if (!entry) return nothingLive;
    const release = this.#releaseOf(type);
    if (entry.live === undefined || entry.live.release !== release) {
      const chosen = liveVersions([...entry.versions.keys()], entry.announced, release);
      const versions = chosen
        .map((version) => entry.versions.get(version))
        .filter((one) => one !== undefined);
      const usual = release?.stable ?? versions[0]?.type.version;
      const isUsual = (version: string) => usual === undefined || majorOf(version) === majorOf(usual);
      entry.live = { release, versions, oneMajor: [...entry.announced].every(isUsual) };
    }
    return entry.live;
  }

  /** For its share of the tasks the major of the candidate, where another one would come first. */
  #drawTrial(type: string, majors: readonly number[]): number | undefined {
    const release = this.#releaseOf(type);
    if (!release?.candidate) return undefined;
    const major = majorOf(release.candidate);
    if (!majors.slice(1).includes(major) || this.#components.random() >= release.share) return undefined;
    return major;
  }

  #releaseOf(type: string): Release | undefined {
    return this.#components.documents.get('release', type)?.value;
  }
}

/** Two WEEs that have something else under one version must not take turns: the first one counts. */
function byTypeAndVersion(online: Iterable<Presence>): Map<string, Map<string, TaskType>> {
  const found = new Map<string, Map<string, TaskType>>();
  for (const { types } of online) {
    for (const type of types) {
      const versions = found.get(type.type) ?? new Map<string, TaskType>();
      found.set(type.type, versions);
      if (!versions.has(type.version)) versions.set(type.version, type);
    }
  }
  return found;
}

function majorOfVersion({ type }: Version): number {
  return majorOf(type.version);
}
