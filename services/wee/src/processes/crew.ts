import { slotsOfProcess, type TaskError } from '@tenma/protocol';
import { type Clock, every, fullJitterMs, type Log, reconnectBackoff, sleep } from '@tenma/runtime';
import type { WorkerVersion } from '@tenma/worker/messages';
import type { GroupOptions, Member, Spares } from './interfaces.ts';
import { provenMs } from './stock.ts';

/** A member of a group, and the room in it. */
export interface Seat {
  readonly member: Member;
  readonly since: number;
  free: number;
  idleSince: number;
  /** When an attempt last ended there; null before the first. */
  endedAt: number | null;
}

/** The members of a group: as many as its attempts need, within bounds; the dead are replaced. */
export interface Crew {
  readonly size: number;
  /** Takes slots of the member with most of them free; undefined when none has room. */
  take(slots: number): Seat | undefined;
  /** An attempt has ended there. */
  release(seat: Seat, slots: number): void;
  /** Starts members as far as they are needed now. */
  grow(): void;
  /** The member with most room, as soon as there is one. @throws Error when a start fails before */
  anyone(): Promise<Member>;
  close(): Promise<void>;
}

export interface CrewOptions extends GroupOptions {
  readonly idleMs: number;
  /** Slots that attempts wait for. */
  readonly wanted: () => number;
  /** There is more room. */
  readonly onReady: () => void;
  readonly onGone: (seat: Seat, error: TaskError) => void;
  /** There is no member, and none could be started several times in a row. Called again at every further failure. */
  readonly onHopeless: (why: string) => void;
}

interface Components {
  readonly spares: Spares;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
}

const hopelessAfter = 3;
/** Of the slots, the part that is kept free by growing. */
const reserve = 1 / 4;
const closeMs = 5_000;

export function createCrew(components: Components, worker: WorkerVersion, options: CrewOptions): Crew {
  return new ElasticCrew(components, worker, options);
}

class ElasticCrew implements Crew {
  readonly #components: Components;
  readonly #worker: WorkerVersion;
  readonly #options: CrewOptions;
  readonly #seats = new Set<Seat>();
  readonly #shrinking: Disposable;
  #free = 0;
  #starting = 0;
  /** Starts that failed since something went well. */
  #failures = 0;
  #retry: Disposable | null = null;
  #awaiting: PromiseWithResolvers<Member>[] = [];
  #closed = false;

  constructor(components: Components, worker: WorkerVersion, options: CrewOptions) {
    this.#components = components;
    this.#worker = worker;
    this.#options = { ...options, max: Math.max(1, options.min, options.max) };
    this.#shrinking = every(components.clock, Math.max(50, options.idleMs / 4), () => this.#shrink());
  }

  get size(): number {
    return this.#seats.size;
  }

  take(slots: number): Seat | undefined {
    const seat = this.#roomiest();
    if (!seat || seat.free < slots) return undefined;
    seat.free -= slots;
    this.#free -= slots;
    return seat;
  }

  release(seat: Seat, slots: number): void {
    if (!this.#seats.has(seat)) return;
    seat.free += slots;
    this.#free += slots;
    seat.endedAt = this.#components.clock.monotonic();
    this.#failures = 0;
    if (seat.free === slotsOfProcess) seat.idleSince = seat.endedAt;
  }

  grow(): void {
    while (this.#needsMore()) this.#start();
  }

  anyone(): Promise<Member> {
    const seat = this.#roomiest();
    if (seat) return Promise.resolve(seat.member);
    if (this.#closed) return Promise.reject(new Error('the group is closed'));
    const awaiting = Promise.withResolvers<Member>();
    this.#awaiting.push(awaiting);
    this.grow();
    return awaiting.promise;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#shrinking[Symbol.dispose]();
    this.#retry?.[Symbol.dispose]();
    const members = [...this.#seats].map(({ member }) => member);
    this.#seats.clear();
    for (const member of members) member.kill();
    this.#disappoint(new Error('the group is closed'));
    const gone = Promise.all(members.map((member) => member.gone));
    await Promise.race([gone, sleep(this.#components.clock, closeMs)]);
  }

  #roomiest(): Seat | undefined {
    let roomiest: Seat | undefined;
    for (const seat of this.#seats) if (!roomiest || seat.free > roomiest.free) roomiest = seat;
    return roomiest;
  }

  #needsMore(): boolean {
    const { min, max, wanted } = this.#options;
    const count = this.#seats.size + this.#starting;
    if (this.#closed || this.#retry || count >= max) return false;
    if (count < min || (count === 0 && this.#awaiting.length > 0)) return true;
    const coming = this.#starting * slotsOfProcess;
    const waiting = wanted();
    return waiting > coming || this.#free + coming - waiting < count * slotsOfProcess * reserve;
  }

  #start(): void {
    this.#starting += 1;
    this.#components.spares.take(this.#worker).then(
      (member) => this.#join(member),
      (error: unknown) => {
        this.#starting -= 1;
        this.#failed(error instanceof Error ? error : new Error(String(error)));
      },
    );
  }

  #join(member: Member): void {
    this.#starting -= 1;
    if (this.#closed) return member.kill();
    const now = this.#components.clock.monotonic();
    const seat: Seat = { member, since: now, free: slotsOfProcess, idleSince: now, endedAt: null };
    this.#seats.add(seat);
    this.#free += slotsOfProcess;
    void member.gone.then(({ error }) => this.#lost(seat, error));
    for (const { resolve } of this.#awaiting.splice(0)) resolve(member);
    this.#options.onReady();
  }

  /** A member that had work is replaced before anybody asks; one that died of its mere start, after a growing wait. */
  #lost(seat: Seat, error: TaskError): void {
    if (!this.#seats.delete(seat)) return;
    this.#free -= seat.free;
    const worked = seat.free < slotsOfProcess;
    const grown = this.#components.clock.monotonic() - seat.since > provenMs;
    if (!worked && seat.endedAt === null && !grown) this.#failed(new Error(error.message));
    else if (worked && !this.#retry) this.#start();
    this.#options.onGone(seat, error);
    this.grow();
  }

  #failed(error: Error): void {
    if (this.#closed) return;
    const { clock, log, random } = this.#components;
    const { type, version } = this.#worker.type;
    log.error({ err: error, type, version }, 'a worker process did not start');
    this.#failures += 1;
    this.#disappoint(error);
    if (this.#failures >= hopelessAfter && this.#seats.size === 0) this.#options.onHopeless(error.message);
    if (this.#retry) return;
    this.#retry = clock.after(fullJitterMs(reconnectBackoff, this.#failures, random), () => {
      this.#retry = null;
      this.grow();
    });
  }

  #disappoint(error: Error): void {
    for (const { reject } of this.#awaiting.splice(0)) reject(error);
  }

  #shrink(): void {
    const { min, idleMs } = this.#options;
    const now = this.#components.clock.monotonic();
    for (const seat of this.#seats) {
      if (this.#seats.size <= min) return;
      if (seat.free < slotsOfProcess || now - seat.idleSince < idleMs) continue;
      this.#seats.delete(seat);
      this.#free -= seat.free;
      seat.member.kill();
    }
  }
}
