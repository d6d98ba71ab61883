import type { Clock, Log } from '@tenma/runtime';
import { createSpares } from '../../services/wee/src/processes/spares.ts';
import { createWorkerGroup } from '../../services/wee/src/processes/worker-group.ts';

/** A pool of worker processes that runs the worker which does nothing. */
export interface HopGroup extends AsyncDisposable {
  attempt(): Promise<void>;
}

const noop = new URL('../noop-worker.ts', import.meta.url).href;

export async function openGroup(
  components: { clock: Clock; log: Log; random: () => number },
  processes: number,
): Promise<HopGroup> {
  await using parts = new AsyncDisposableStack();
  const spares = parts.use(createSpares(components, { environment: {}, spares: processes }));
  const [worker] = await spares.inspect(noop);
  if (!worker) throw new Error('the worker did not load');
  const group = parts.use(
    createWorkerGroup({ ...components, spares }, worker, { min: processes, max: processes }),
  );
  await group.ready();
  const opened = parts.move();
  const run = {
    type: worker.type.type,
    version: worker.type.version,
    input: null,
    attempt: 1,
    task_id: 'bench',
    idempotency_key: 'bench',
    region: 'here',
  };
  return {
    async attempt() {
      const { ended } = group.start({
        run,
        slots: 1,
        timeoutMs: 60_000,
        onProgress: () => undefined,
        onRestart: () => undefined,
      });
      const outcome = await ended;
      if (outcome.outcome !== 'succeeded') throw new Error(`an attempt ended as ${JSON.stringify(outcome)}`);
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
