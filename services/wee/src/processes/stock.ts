import { type Clock, fullJitterMs, type Log, reconnectBackoff } from '@tenma/runtime';
import type { StartedMember } from './member.ts';

/** Members of one kind that have loaded no package yet: as many as it is to hold, the dead and the taken replaced. */
export interface Stock extends Disposable {
  /** Ready to be taken. */
  readonly size: number;
  /** Undefined when none is ready. Whoever takes one calls `fill` once it is at work. */
  take(): StartedMember | undefined;
  /** Starts as many as are missing. */
  fill(): void;
}

export interface StockOptions {
  readonly size: number;
  /** Resolves when the member is ready. @throws Error when it does not start */
  readonly start: () => Promise<StartedMember>;
}

interface Components {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
}

interface Spare {
  readonly member: StartedMember;
  readonly since: number;
}

/** A member that has lived this long did not die of its start. */
export const provenMs = 10_000;

/** It is empty until it is first filled. */
export function createStock(components: Components, options: StockOptions): Stock {
  return new PatientStock(components, options);
}

/** After a failure it waits ever longer before it starts the next. */
class PatientStock implements Stock {
  readonly #components: Components;
  readonly #options: StockOptions;
  /** Oldest first. */
  readonly #spares: Spare[] = [];
  #starting = 0;
  #failures = 0;
  #retry: Disposable | null = null;
  #closed = false;

  constructor(components: Components, options: StockOptions) {
    this.#components = components;
    this.#options = options;
  }

  get size(): number {
    return this.#spares.length;
  }

  take(): StartedMember | undefined {
    const spare = this.#spares.pop();
    if (spare) this.#failures = 0;
    return spare?.member;
  }

  fill(): void {
    if (this.#closed || this.#retry) return;
    while (this.#spares.length + this.#starting < this.#options.size) {
      this.#starting += 1;
      void this.#add();
    }
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#retry?.[Symbol.dispose]();
  }

  async #add(): Promise<void> {
    const { clock, log } = this.#components;
    try {
      const member = await this.#options.start();
      if (this.#closed) return member.kill();
      this.#starting -= 1;
      const spare = { member, since: clock.monotonic() };
      this.#spares.push(spare);
      void member.gone.then(() => this.#lost(spare));
    } catch (error) {
      if (this.#closed) return;
      this.#starting -= 1;
      log.error({ err: error }, 'a spare worker process did not start');
      this.#fillLater();
    }
  }

  #lost(spare: Spare): void {
    const index = this.#spares.indexOf(spare);
    if (index < 0) return;
    this.#spares.splice(index, 1);
    if (this.#closed) return;
    if (this.#components.clock.monotonic() - spare.since > provenMs) this.#failures = 0;
    this.#fillLater();
  }

  #fillLater(): void {
    const { clock, random } = this.#components;
    this.#failures += 1;
    this.#retry?.[Symbol.dispose]();
    this.#retry = clock.after(fullJitterMs(reconnectBackoff, this.#failures, random), () => {
      this.#retry = null;
      this.fill();
    });
  }
}
