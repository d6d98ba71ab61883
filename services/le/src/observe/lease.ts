import type { Clock, Log } from '@tenma/runtime';
import type { Store } from '@tenma/store';
import { z } from 'zod';

/** What only one replica may do: it does so while it holds the lease. */
export interface Lease extends AsyncDisposable {
  readonly held: boolean;
  /** Calls back on every change from now on. */
  onChange(listener: (held: boolean) => void): Disposable;
}

interface Components {
  readonly store: Pick<Store, 'read' | 'compareAndSet'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** The holder renews this often. */
const beatMs = 2_000;
/** It stops by itself when the last renewal that went through was sent this long ago. */
const heldMs = 6_000;
/** Another one takes over what has stood unchanged for this long. The difference is for what the holder had begun. */
const takeoverMs = 10_000;
/** After a call that failed. */
const retryMs = 500;
/** For one call of the store: two fit into the time that the lease is held. */
const callMs = 2_500;

/** `holder` is null once it was given up; `since` tells two lives of one holder apart. */
const valueSchema = z.object({ holder: z.string().nullable(), since: z.number(), beat: z.int() });

/**
 * Keeps trying to hold a lease, and holds it until it cannot renew it or is disposed. No clock of one machine is
 * compared with that of another: the others only watch whether the stored value changes.
 */
export function keepLease(components: Components, name: string, holderId: string): Lease {
  return new StoreLease(components, `lease/${name}`, holderId);
}

class StoreLease implements Lease {
  readonly #components: Components;
  readonly #name: string;
  readonly #holder: string;
  readonly #since: number;
  readonly #listeners = new Set<(held: boolean) => void>();
  /** What stood in the store when we last knew, who had written it, and since when we have seen it there. */
  #value: string | null = null;
  #mine = false;
  #seenAt = 0;
  /** A value that we have sent and that may stand, and when it was first sent. */
  #sent: { value: string; at: Moment } | undefined;
  #renewedAt: Moment | undefined;
  #told = false;
  #closed = false;
  #turn: Promise<void> = Promise.resolve();
  #timer: Disposable | undefined;
  #expiry: Disposable | undefined;

  constructor(components: Components, name: string, holder: string) {
    this.#components = components;
    this.#name = name;
    this.#holder = holder;
    this.#since = components.clock.now();
    this.#run();
  }

  get held(): boolean {
    return (
      !this.#closed &&
      this.#renewedAt !== undefined &&
      elapsedMs(this.#components.clock, this.#renewedAt) < heldMs
    );
  }

  onChange(listener: (held: boolean) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#timer?.[Symbol.dispose]();
    this.#expiry?.[Symbol.dispose]();
    // Whoever works under it stops before another one can begin.
    this.#tell();
    this.#listeners.clear();
    await this.#turn;
    await this.#release().catch((error: unknown) =>
      this.#note(error, 'the lease was not given up; it runs out'),
    );
  }

  #run(): void {
    this.#turn = this.#step()
      .catch((error: unknown) => {
        this.#note(error, 'the lease could not be looked at');
        return retryMs;
      })
      .then((delayMs) => {
        if (this.#closed) return;
        this.#tell();
        this.#timer = this.#components.clock.after(delayMs, () => this.#run());
      });
  }

  /** Renews, takes, or looks on; returns when to do so again. */
  async #step(): Promise<number> {
    const { clock } = this.#components;
    if (!this.#mine) {
      this.#saw(await this.#read());
      const freeInMs = this.#freeInMs();
      if (freeInMs > 0) return Math.min(beatMs, freeInMs);
    }
    if (this.#closed) return beatMs;
    await this.#write(this.#next(this.#holder), momentOf(clock));
    return this.#renewedAt ? Math.max(0, beatMs - elapsedMs(clock, this.#renewedAt)) : beatMs;
  }

  async #write(value: string, at: Moment): Promise<void> {
    // Sent again after a lost answer: either one may be the one that went through.
    if (this.#sent?.value !== value) this.#sent = { value, at };
    if (await this.#compareAndSet(value)) this.#own(value, at);
    else this.#saw(await this.#read());
  }

  #own(value: string, renewedAt: Moment): void {
    this.#value = value;
    this.#mine = true;
    this.#renewedAt = renewedAt;
  }

  #saw(value: string | null): void {
    if (value !== null && value === this.#sent?.value) return this.#own(value, this.#sent.at);
    const { clock } = this.#components;
    if (this.#mine || value !== this.#value) this.#seenAt = clock.monotonic();
    this.#value = value;
    this.#mine = false;
    this.#renewedAt = undefined;
  }

  /** Until what stands there may be taken over. */
  #freeInMs(): number {
    if (this.#value === null || read(this.#value)?.holder === null) return 0;
    return Math.max(0, this.#seenAt + takeoverMs - this.#components.clock.monotonic());
  }

  #next(holder: string | null): string {
    const beat = (read(this.#value)?.beat ?? 0) + 1;
    return JSON.stringify({ holder, since: this.#since, beat });
  }

  async #release(): Promise<void> {
    if (this.#mine && (await this.#compareAndSet(this.#next(null)))) return;
    if (!this.#sent || this.#sent.value === this.#value) return;
    this.#value = this.#sent.value;
    await this.#compareAndSet(this.#next(null));
  }

  #read(): Promise<string | null> {
    return within(this.#components.clock, callMs, this.#components.store.read(this.#name));
  }

  #compareAndSet(value: string): Promise<boolean> {
    const { store, clock } = this.#components;
    return within(clock, callMs, store.compareAndSet(this.#name, this.#value, value));
  }

  /** Tells of a change, and sees to it that the end is told in time. */
  #tell(): void {
    const { held } = this;
    const { clock, log } = this.#components;
    this.#expiry?.[Symbol.dispose]();
    if (held && this.#renewedAt) {
      const leftMs = heldMs - elapsedMs(clock, this.#renewedAt);
      this.#expiry = clock.after(leftMs, () => this.#tell());
    }
    if (held === this.#told) return;
    this.#told = held;
    log.info(
      { lease: this.#name, holder: this.#holder, held },
      held ? 'holds the lease' : 'no longer holds the lease',
    );
    // A copy: a listener may add or dispose others.
    const listeners = Array.from(this.#listeners);
    for (const listener of listeners) listener(held);
  }

  #note(error: unknown, what: string): void {
    this.#components.log.debug({ err: error, lease: this.#name }, what);
  }
}

function read(value: string | null): z.infer<typeof valueSchema> | undefined {
  if (value === null) return undefined;
  try {
    return valueSchema.safeParse(JSON.parse(value)).data;
  } catch {
    return undefined;
  }
}

interface Moment {
  readonly monotonic: number;
  readonly now: number;
}

function momentOf(clock: Clock): Moment {
  return { monotonic: clock.monotonic(), now: clock.now() };
}

/** A machine that was suspended finds it on the time of day only: the monotonic clock may have stood still. */
function elapsedMs(clock: Clock, { monotonic, now }: Moment): number {
  return Math.max(clock.monotonic() - monotonic, clock.now() - now);
}

async function within<T>(clock: Clock, limitMs: number, call: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  using _timer = clock.after(limitMs, () => reject(new Error(`no answer within ${limitMs} ms`)));
  return await Promise.race([call, late]);
}
