import type { Bus } from '@tenma/bus';
import { chooseConfirmer } from '@tenma/geo';
import { defaults, exchanges, failoverType, observationBatchSchema } from '@tenma/protocol';
import { every } from '@tenma/runtime';
import { type HealthComponents, type HealthSession, startHealthSession } from './health-session.ts';

/** Looks after the health of regions and nodes, while the lease is held and it is wanted. */
export interface Health extends AsyncDisposable {
  /** Nodes that this replica watches. */
  readonly watching: number;
  /**
   * The region whose workers should look once more before another one is left: the one that saw something up last.
   * `any`: no other region has workers for that. Null: others have, and none of them sees anything at the moment; or the
   * watch has only just begun, and verdicts may still rest on what was written down.
   */
  confirmer(from: string): string | null;
}

interface Components extends HealthComponents {
  readonly bus: Pick<Bus, 'subscribe'>;
}

const tickMs = 250;
/** A step of the clock by more than this: what was seen before it can no longer be compared with what is seen after. */
const stepMs = 1_000;
/** WEEs that are there are heard within this time of our start; before, nobody seems to be there to observe. */
const patienceMs = defaults.heartbeatMs + 1_000;

export async function startHealth(components: Components): Promise<Health> {
  const { settings, bus } = components;
  if (!settings.enabled) return { watching: 0, confirmer: () => 'any', async [Symbol.asyncDispose]() {} };
  const health = new LeasedHealth(components);
  const subscription = await bus.subscribe(exchanges.observations, (body) => health.heard(body));
  return {
    get watching() {
      return health.watching;
    },
    confirmer: (from) => health.confirmer(from),
    async [Symbol.asyncDispose]() {
      await subscription[Symbol.asyncDispose]();
      await health[Symbol.asyncDispose]();
    },
  };
}

class LeasedHealth implements Health {
  readonly #components: Components;
  readonly #patientUntil: number;
  readonly #parts: Disposable[];
  #session: HealthSession | undefined;
  /** The clock less the monotonic one: it changes when the clock is set. */
  #offset: number;
  #beginning = false;
  #ending: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(components: Components) {
    const { documents, lease, clock } = components;
    this.#components = components;
    this.#patientUntil = clock.monotonic() + patienceMs;
    this.#offset = clock.now() - clock.monotonic();
    this.#parts = [
      lease.onChange((held) => (held ? void this.#begin() : this.#end())),
      documents.onChange((changes) => this.#session?.onDocuments(changes)),
      every(clock, tickMs, () => this.#tick()),
    ];
    void this.#begin();
  }

  get watching(): number {
    return this.#session?.watching ?? 0;
  }

  confirmer(from: string): string | null {
    const session = this.#session;
    // What was written down before is no ground to leave a region: it has to be seen again first.
    if (!session?.seasoned) return null;
    const pools = [...this.#components.fleet.view.pools.values()].filter(({ type }) => type === failoverType);
    const withWorkers = [...new Set(pools.map(({ region }) => region))].filter((region) => region !== from);
    if (withWorkers.length === 0) return 'any';
    return chooseConfirmer({ from, withWorkers, lastSawUp: (region) => session.lastSawUp(region) });
  }

  heard(body: unknown): void {
    if (!this.#session || !this.#components.lease.held) return;
    const parsed = observationBatchSchema.safeParse(body);
    if (parsed.success) this.#session.onObservations(parsed.data.observations);
    else this.#components.log.warn({ err: parsed.error }, 'observations that are none');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const part of this.#parts) part[Symbol.dispose]();
    this.#end();
    await this.#ending;
  }

  #tick(): void {
    if (this.#clockWasSet()) this.#end();
    if (!this.#session) return void this.#begin();
    // After a pause of the process the lease may have run out, and silence mean nothing.
    if (this.#components.lease.held) this.#session.tick();
  }

  /** Then the watch begins anew with what is written down, as after a change of the holder. */
  #clockWasSet(): boolean {
    const { clock, log } = this.#components;
    const offset = clock.now() - clock.monotonic();
    const byMs = offset - this.#offset;
    this.#offset = offset;
    if (Math.abs(byMs) <= stepMs) return false;
    log.warn({ byMs: Math.round(byMs) }, 'the clock was set: health is watched anew');
    return true;
  }

  get #ready(): boolean {
    const { lease, documents, fleet, clock } = this.#components;
    if (this.#closed || this.#session || !lease.held || !documents.loaded) return false;
    return fleet.view.pools.size > 0 || clock.monotonic() >= this.#patientUntil;
  }

  async #begin(): Promise<void> {
    if (this.#beginning || !this.#ready) return;
    this.#beginning = true;
    const { documents, log } = this.#components;
    try {
      // The holder before us has written until a moment ago.
      await documents
        .refresh()
        .catch((error: unknown) => log.debug({ err: error }, 'begins with what was read'));
      await this.#ending;
      if (!this.#ready) return;
      this.#session = startHealthSession(this.#components);
      log.info({ nodes: this.#session.watching }, 'looks after the health of regions and nodes');
    } catch (error) {
      log.error({ err: error }, 'the watch over regions and nodes did not begin; trying again');
    } finally {
      this.#beginning = false;
    }
  }

  #end(): void {
    const session = this.#session;
    this.#session = undefined;
    if (session) this.#ending = Promise.resolve(session[Symbol.asyncDispose]());
  }
}
