import { type Json, slotsOf, slotsOfProcess } from '@tenma/protocol';
import { type Clock, sleep } from '@tenma/runtime';
import type { WorkerVersion } from '@tenma/worker/messages';
import type { Member, WorkerGroup } from './interfaces.ts';
import { WorkerThrew } from './member.ts';

/** What a group asks its worker, in one of its processes, beside the attempts; `WorkerGroup` has the contract. */
export type Asking = Pick<WorkerGroup, 'estimate' | 'compare'>;

interface Components {
  readonly clock: Clock;
  /** The member to ask. @throws Error when there is none to be had */
  readonly anyone: () => Promise<Member>;
}

/** How long an attempt waits for the worker to say what it costs; and how long others do not ask after that. */
const estimateMs = 1_000;
const silenceMs = 10_000;
/** Nobody waits for a comparison, and what runs in the process may keep the worker from it for a while. */
const compareMs = 10_000;

export function createAsking({ clock, anyone }: Components, worker: WorkerVersion): Asking {
  /** Until then the worker is not asked what an input costs; on the monotonic clock. */
  let silentUntil = 0;

  /** What a member answers; null when there is none, it dies, or is silent for so long. */
  async function ask<T>(
    withinMs: number,
    question: (member: Member) => Promise<T>,
  ): Promise<T | 'threw' | null> {
    const patience = new AbortController();
    const silent = sleep(clock, withinMs, patience.signal).then(() => null);
    const answer = anyone().then(question);
    try {
      return await Promise.race([answer, silent]);
    } catch (error) {
      return error instanceof WorkerThrew ? 'threw' : null;
    } finally {
      silent.catch(() => undefined);
      answer.catch(() => undefined);
      patience.abort();
    }
  }

  /** The answer of the worker; after a silence nobody is asked for a while, or until it has answered after all. */
  async function slotsFor(input: Json): Promise<number | 'threw' | null> {
    let thinking = false;
    const slots = await ask(estimateMs, (member) => {
      thinking = true;
      return member.estimate(worker, input).finally(() => {
        thinking = false;
        silentUntil = 0;
      });
    });
    if (thinking) silentUntil = clock.monotonic() + silenceMs;
    return slots;
  }

  return {
    async estimate(input) {
      const { cost } = worker.type;
      if (cost !== 'by_input') return slotsOf(cost);
      if (clock.monotonic() < silentUntil) return slotsOfProcess;
      const slots = await slotsFor(input);
      if (typeof slots !== 'number' || !Number.isFinite(slots)) return slotsOfProcess;
      return Math.min(slotsOfProcess, Math.max(1, Math.ceil(slots)));
    },
    async compare(before, after) {
      const same = await ask(compareMs, (member) => member.compare(worker, before, after));
      return same === 'threw' ? false : same;
    },
  };
}
