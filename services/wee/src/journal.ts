import type { Bus } from '@tenma/bus';
import { type JournalBatch, limits, queues, roughJsonBytes, type TaskEvent } from '@tenma/protocol';
import { type Clock, createBatcher, fullJitterMs, type Log, reconnectBackoff, sleep } from '@tenma/runtime';

/** The way back to LE: events in micro-batches, each kept until the broker has confirmed it. */
export interface Journal {
  /** Resolves when the broker holds the event; tries for ever, until the signal. */
  write(event: TaskEvent): Promise<void>;
  /** Resolves when everything written is confirmed. */
  idle(): Promise<void>;
}

interface Components {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
}

export function createJournal(components: Components, from: string, closing: AbortSignal): Journal {
  const { bus } = components;

  async function send(batch: JournalBatch): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await bus.publish(queues.journal, batch);
      } catch (error) {
        if (closing.aborted) throw error;
        if (tries === 1) components.log.warn({ err: error }, 'the journal cannot be written; trying again');
        await sleep(components.clock, fullJitterMs(reconnectBackoff, tries, components.random), closing);
      }
    }
  }

  const batcher = createBatcher<TaskEvent, undefined>({
    maxItems: 500,
    maxSize: 4 * limits.dispatchMessageBytes,
    sizeOf: roughSize,
    concurrency: 2,
    async flush(events) {
      await send({ from, events });
      return [];
    },
  });

  return {
    async write(event) {
      await batcher.add(event);
    },
    idle: () => batcher.idle(),
  };
}

/** Outputs are the only large part of an event. */
function roughSize(event: TaskEvent): number {
  return 500 + (event.kind === 'finished' ? roughJsonBytes(event.output) : 0);
}
