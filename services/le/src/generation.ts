import type { Bus } from '@tenma/bus';
import { type Marker, markerSchema, queues } from '@tenma/protocol';
import { type Clock, fullJitterMs, type Log, reconnectBackoff, sleep } from '@tenma/runtime';
import type { Store } from '@tenma/store';

const name = 'broker-generation';

/**
 * The broker keeps one message that names the store's generation. Whoever connects and finds it gone knows that the
 * broker was wiped (or, for the memory bus, that the process is new): one replica then advances the generation, makes
 * everything unfinished due, and only after that writes the new marker.
 * @returns how many tasks were made due
 */
export async function checkGeneration({
  bus,
  store,
  clock,
  log,
}: {
  bus: Bus;
  store: Store;
  clock: Clock;
  log: Log;
}): Promise<number> {
  const stored = await store.read(name);
  const marker = markerSchema.safeParse(await bus.readMarker(queues.marker));
  if (marker.success && String(marker.data.generation) === stored) return 0;
  const generation = Number(stored ?? 0) + 1;
  // Another replica that is faster does the rest; this one has nothing to add.
  if (!(await store.compareAndSet(name, stored, String(generation)))) return 0;
  const due = await store.makeAllDue(clock.now());
  // A replica that was slower has nothing to write over a newer one.
  if ((await store.read(name)) !== String(generation)) return due;
  await bus.writeMarker(queues.marker, { generation } satisfies Marker);
  // With the bus in memory that is so at every start.
  if (due > 0) log.info({ generation, due }, 'the broker begins empty: unfinished tasks are sent again');
  return due;
}

/** Checks at every connection of the bus, until it has worked. */
export function keepGeneration(
  components: { bus: Bus; store: Store; clock: Clock; log: Log; random: () => number },
  onDue: () => void,
): AsyncDisposable {
  const { bus, clock, log, random } = components;
  const stopping = new AbortController();
  let checking: Promise<void> = Promise.resolve();

  async function check(): Promise<void> {
    for (let tries = 1; bus.status === 'connected' && !stopping.signal.aborted; tries += 1) {
      try {
        if ((await checkGeneration(components)) > 0) onDue();
        return;
      } catch (error) {
        log.debug({ err: error }, 'the generation of the broker is not known yet');
        await sleep(clock, fullJitterMs(reconnectBackoff, tries, random), stopping.signal).catch(
          () => undefined,
        );
      }
    }
  }

  const recheck = (status: Bus['status']) => {
    if (status === 'connected') checking = checking.then(check);
  };
  const listening = bus.onStatus(recheck);
  recheck(bus.status);
  return {
    async [Symbol.asyncDispose]() {
      listening[Symbol.dispose]();
      stopping.abort(new Error('LE stops'));
      await checking;
    },
  };
}
