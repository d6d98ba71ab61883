import type { Bus, Consumer } from '@tenma/bus';
import type { Results } from '@tenma/results';
import type { Clock, Log } from '@tenma/runtime';
import { observeFleet } from './fleet-observer.ts';
import { startRelay } from './relay.ts';

export interface IcOptions {
  readonly icId: string;
  /** Batches from LE in work at once. Default 16. */
  readonly batchesAtOnce?: number;
}

/** The interconnect: places every task and carries it to the queue of a pool. Stateless; run as many as you like. */
export async function startIc(
  components: { bus: Bus; results: Results; clock: Clock; log: Log; random: () => number },
  { icId, batchesAtOnce = 16 }: IcOptions,
): Promise<AsyncDisposable> {
  const { log } = components;
  const fleet = await observeFleet(components);
  const stopping = new AbortController();
  let consumer: Consumer | undefined;
  const consuming = fleet
    .firstSight(stopping.signal)
    .then(async () => {
      consumer = await startRelay({ ...components, fleet }, { icId, batchesAtOnce });
      log.info({ icId, pools: fleet.view.pools.size }, 'relaying');
    })
    .catch((error: unknown) => {
      if (!stopping.signal.aborted) log.error({ err: error }, 'the relay did not start');
    });
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort(new Error('IC stops'));
      await consuming;
      await consumer?.[Symbol.asyncDispose]();
      await fleet[Symbol.asyncDispose]();
    },
  };
}
