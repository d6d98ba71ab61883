import type { Bus } from '@tenma/bus';
import { type Clock, type Log, sleep } from '@tenma/runtime';
import type { PoolWorkers, Roster } from '../releases/interfaces.ts';
import { openPool, type Pool, type PoolOptions } from './pool.ts';

/** The pools of a WEE, in step with what its roster can run. */
export interface PoolSet extends AsyncDisposable {
  readonly open: readonly Pool[];
  /** Something is held, runs, or is being reported; in a pool that is being closed too. */
  readonly busy: boolean;
  /**
   * Opens what has come, closes what has gone. Calls take turns. Rejects when a pool cannot be opened; the others are,
   * and that one is tried again by itself.
   */
  follow(): Promise<void>;
  pace(elapsedMs: number): Promise<void>;
  /** Takes nothing new, for good. */
  cancel(): Promise<void>;
}

interface Components {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly roster: Pick<Roster, 'pools'>;
}

const drainLookMs = 50;
const againMs = 1_000;

export function createPoolSet(components: Components, options: PoolOptions): PoolSet {
  const { roster, clock, log } = components;
  const pools = new Map<PoolWorkers, Pool>();
  const leaving = new Map<Pool, Promise<void>>();
  const closing = new AbortController();
  let cancelled = false;
  let turn: Promise<void> = Promise.resolve();
  let again: Disposable | undefined;

  async function inStep(): Promise<void> {
    if (cancelled) return;
    for (const [workers, pool] of pools) {
      if (roster.pools.includes(workers)) continue;
      pools.delete(workers);
      leaving.set(
        pool,
        drain(pool).finally(() => leaving.delete(pool)),
      );
    }
    const faults: unknown[] = [];
    for (const workers of roster.pools) {
      if (!pools.has(workers)) await open(workers).catch((error: unknown) => faults.push(error));
    }
    if (faults.length === 0) return;
    again = clock.after(againMs, () => void follow().catch(() => undefined));
    throw faults[0];
  }

  async function open(workers: PoolWorkers): Promise<void> {
    const { type, version } = workers.type;
    try {
      const pool = await openPool(components, workers, options);
      pools.set(workers, pool);
      log.info({ pool: pool.name, version }, 'pool opened');
    } catch (error) {
      log.error({ err: error, type, version }, 'a pool cannot be opened');
      throw error;
    }
  }

  function follow(): Promise<void> {
    turn = turn.catch(() => undefined).then(inStep);
    return turn;
  }

  /** What it holds still runs; then it is closed. */
  async function drain(pool: Pool): Promise<void> {
    await pool.cancel();
    while (isBusy(pool) && !closing.signal.aborted)
      await sleep(clock, drainLookMs, closing.signal).catch(() => undefined);
    await pool.close();
    log.info({ pool: pool.name }, 'pool closed');
  }

  return {
    get open() {
      return [...pools.values()];
    },
    get busy() {
      return [...pools.values(), ...leaving.keys()].some(isBusy);
    },
    follow,
    pace: async (elapsedMs) =>
      void (await Promise.all([...pools.values()].map((pool) => pool.pace(elapsedMs)))),
    async cancel() {
      cancelled = true;
      again?.[Symbol.dispose]();
      await turn.catch(() => undefined);
      await Promise.all([...pools.values()].map((pool) => pool.cancel()));
    },
    async [Symbol.asyncDispose]() {
      cancelled = true;
      again?.[Symbol.dispose]();
      closing.abort(new Error('WEE stops'));
      await turn.catch(() => undefined);
      await Promise.all([...leaving.values(), ...[...pools.values()].map((pool) => pool.close())]);
    },
  };
}

function isBusy({ counters: { held, running, ending } }: Pool): boolean {
  return held + running + ending > 0;
}
