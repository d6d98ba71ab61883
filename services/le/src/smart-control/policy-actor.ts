import { isDeepStrictEqual } from 'node:util';
import { type Json, type Policy, timestamp } from '@tenma/protocol';
import { type Clock, createRecentMap, type Log } from '@tenma/runtime';
import type { DocumentCache } from '../documents/document-cache.ts';
import type { GeoSettings } from '../geo/settings.ts';
import type { Intake, Submitted } from '../intake.ts';
import { failoverTotalMs } from './failover-input.ts';
import { isMeant, movesActive, type Occasion, policyPrincipal, taskOf } from './policy-task.ts';

/** Submits the tasks of policies, and notes on each policy what became of it. */
export interface PolicyActor extends AsyncDisposable {
  /** Every policy that is meant acts, in the order of its occasions; `only` leaves out some of them. */
  tell(occasion: Occasion, only?: (policy: Policy) => boolean): void;
  /** Tries again what could not be submitted. Call it about every second. */
  retry(): void;
  /** A task of a policy that moves `active` has ended. */
  ended(taskId: string): void;
  /** Whether a task of the policy that moves `active` may be under way. */
  isUnderWay(policy: Policy, now: number): boolean;
  /** When the policy last tried, here or on another replica. */
  lastTriedAt(policy: Policy): number;
}

interface Components {
  readonly documents: DocumentCache;
  readonly intake: Intake;
  readonly settings: GeoSettings;
  readonly confirmer: (from: string) => string | null;
  /** Moves `active` where no worker could ever confirm it: by what the observers saw alone. */
  readonly unconfirmed: (input: Json) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

const atOnce = 100;
/** Occasions of a policy that wait; more than that are dropped. */
const waitingMax = 10_000;
/** What could not be submitted for so long is old news. */
const patienceMs = 60_000;
/** Lost races for a policy's document, after which the other one has its way. */
const triesMax = 5;

type Noted = Partial<Pick<Policy, 'last_task_id' | 'last_acted_at' | 'last_problem'>>;

export function createPolicyActor(components: Components): PolicyActor {
  return new SerialActor(components);
}

class SerialActor implements PolicyActor {
  readonly #components: Components;
  readonly #waiting = new Map<string, Occasion[]>();
  /** One drain of each policy at a time. */
  readonly #draining = new Map<string, Promise<void>>();
  readonly #ended = createRecentMap<true>(1_000);
  readonly #triedAt = new Map<string, number>();
  #dropped = 0;
  #closed = false;

  constructor(components: Components) {
    this.#components = components;
  }

  tell(occasion: Occasion, only: (policy: Policy) => boolean = () => true): void {
    for (const { value: policy } of this.#components.documents.all('policy').values()) {
      if (isMeant(policy, occasion) && only(policy)) this.#await(policy.policy_id, occasion);
    }
  }

  retry(): void {
    if (this.#dropped > 0)
      this.#components.log.warn({ dropped: this.#dropped }, 'policies could not keep up');
    this.#dropped = 0;
    for (const id of this.#waiting.keys()) this.#drainSoon(id);
  }

  ended(taskId: string): void {
    this.#ended.set(taskId, true);
  }

  isUnderWay({ last_task_id: task, last_acted_at: at, then }: Policy, now: number): boolean {
    if (task === null || at === null || this.#ended.get(task)) return false;
    return Math.abs(now - Date.parse(at)) < failoverTotalMs(then.input, this.#components.settings.pace);
  }

  lastTriedAt({ policy_id: id, last_acted_at: at }: Policy): number {
    return Math.max(this.#triedAt.get(id) ?? -Infinity, at === null ? -Infinity : Date.parse(at));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#draining.values());
  }

  #await(id: string, occasion: Occasion): void {
    const waiting = this.#waiting.get(id) ?? [];
    this.#waiting.set(id, waiting);
    if (waiting.length >= waitingMax) this.#dropped += 1;
    else waiting.push(occasion);
    this.#drainSoon(id);
  }

  #drainSoon(id: string): void {
    if (this.#closed || this.#draining.has(id)) return;
    const draining = this.#drain(id)
      .catch((error: unknown) => {
        this.#components.log.error({ err: error, policy: id }, 'a policy could not act');
        return false;
      })
      .then((done) => {
        this.#draining.delete(id);
        if (done && this.#waiting.has(id)) this.#drainSoon(id);
      });
    this.#draining.set(id, draining);
  }

  /** Acts on what waits. False: the rest has to be tried again later. */
  async #drain(id: string): Promise<boolean> {
    const { documents, clock } = this.#components;
    while (!this.#closed) {
      const waiting = this.#waiting.get(id) ?? [];
      const policy = documents.get('policy', id)?.value;
      const fresh = waiting.filter(({ event }) => clock.now() - event.at < patienceMs);
      if (!policy?.enabled || fresh.length === 0) {
        this.#waiting.delete(id);
        return true;
      }
      const alone = policy.cooldown_ms > 0 || movesActive(policy);
      const some = fresh.splice(0, alone ? 1 : atOnce);
      this.#waiting.set(id, fresh);
      const done = await (alone ? this.#actAlone(id, some) : this.#actTogether(policy, some));
      if (done) continue;
      // What has come meanwhile stands behind it.
      this.#waiting.set(id, [...some, ...(this.#waiting.get(id) ?? [])]);
      return false;
    }
    return false;
  }

  /** First takes the policy for itself, so that of two replicas one acts. False: to be tried again. */
  async #actAlone(id: string, occasion: readonly Occasion[]): Promise<boolean> {
    const { documents, clock } = this.#components;
    for (let tries = 0; tries < triesMax; tries += 1) {
      const found = documents.get('policy', id);
      const now = clock.now();
      if (!found?.value.enabled || this.#isCooling(found.value, now)) return true;
      const { version, value: policy } = found;
      const claimed = { ...policy, last_acted_at: timestamp(now) };
      if (movesActive(policy)) this.#triedAt.set(id, now);
      const claim = { kind: 'policy', id, expected: version, value: claimed } as const;
      const taken = await documents.write([claim]).then(
        (lost) => lost === null,
        () => undefined,
      );
      if (taken === undefined) return false;
      if (taken) return this.#actTogether(policy, occasion);
    }
    return true;
  }

  #isCooling(policy: Policy, now: number): boolean {
    if (movesActive(policy) && this.isUnderWay(policy, now)) return true;
    const { last_acted_at: at, cooldown_ms: cooldownMs } = policy;
    // Either way: the clocks of two replicas are not quite the same.
    return at !== null && Math.abs(now - Date.parse(at)) < cooldownMs;
  }

  /** `policy` as it was before: what it submits in vain costs it no cool-down. False: to be tried again. */
  async #actTogether(policy: Policy, occasions: readonly Occasion[]): Promise<boolean> {
    const { documents, intake, settings, confirmer, clock, log } = this.#components;
    const { policy_id: id, last_acted_at: before } = policy;
    const context = { documents, pace: settings.pace, confirmer };
    const tasks = occasions.map((one) => taskOf(policy, one, context)).filter((task) => task !== null);
    if (tasks.length === 0) {
      log.warn(
        { policy: id },
        'no failover now: no region with workers sees anything up, so none can confirm it',
      );
      // Nothing was tried: the next look may find somebody.
      this.#triedAt.delete(id);
      await this.#note(id, { last_acted_at: before });
      return true;
    }
    const options = {
      principal: policyPrincipal(id),
      traceparent: null,
      checkSizes: true,
      evenWhenFull: movesActive(policy),
    };
    const answers = await intake.submit(tasks, options).catch((error: unknown) => {
      log.warn({ err: error, policy: id }, 'the task of a policy is not written yet');
      return null;
    });
    if (answers === null) {
      await this.#note(id, { last_acted_at: before });
      return false;
    }
    const { taskId, problem } = lastOf(answers);
    if (taskId !== null) {
      log.info({ policy: id, task: taskId, events: occasions.length }, 'a policy has acted');
      const at = timestamp(clock.now());
      await this.#note(id, { last_task_id: taskId, last_acted_at: at, last_problem: null });
    } else if (problem !== null) {
      if (problem.code === 'unknown_type' && movesActive(policy)) {
        await this.#components.unconfirmed((tasks.at(-1)?.input ?? null) as Json);
      }
      log.warn({ policy: id, problem }, 'the task of a policy is refused');
      await this.#note(id, { last_acted_at: before, last_problem: problem.document });
    }
    return taskId !== null || problem?.retryable !== true;
  }

  /** Over whatever stands there by now. That it could not be noted changes nothing but what is seen. */
  async #note(id: string, noted: Noted): Promise<void> {
    const { documents, log } = this.#components;
    try {
      for (let tries = 0; tries < triesMax; tries += 1) {
        const found = documents.get('policy', id);
        const value = found && { ...found.value, ...noted };
        if (!found || !value || isDeepStrictEqual(value, found.value)) return;
        if ((await documents.write([{ kind: 'policy', id, expected: found.version, value }])) === null)
          return;
      }
    } catch (error) {
      log.debug({ err: error, policy: id }, 'not noted on the policy');
    }
  }
}

interface Refusal {
  readonly code: string;
  readonly document: Json;
  readonly retryable: boolean;
}

/**
 * The last task that stands, else the last refusal. That an earlier task stands for the event and asks for something
 * slightly else is no refusal: another replica was there first.
 */
function lastOf(answers: readonly Submitted[]): {
  taskId: string | null;
  problem: Refusal | null;
} {
  let taskId: string | null = null;
  let problem: Refusal | null = null;
  for (const answer of answers) {
    if ('control' in answer) taskId = answer.control.spec.id;
    else if (answer.problem.code !== 'idempotency_conflict') {
      const { code, detail, hint, errors = [], retryable } = answer.problem;
      problem = { code, document: { code, detail, hint, errors }, retryable };
    }
  }
  return { taskId, problem };
}
