import type { Clock } from '@tenma/runtime';
import { QueueConflictError, type QueueOptions } from '../bus.ts';
import { createMemoryQueue, type MemoryQueue } from './memory-queue.ts';

/** The queues and exchanges that several memory buses share: one per embedded fabric. Holds no timers but `expiresMs`. */
export interface MemoryBroker {
  queue(name: string): MemoryQueue | undefined;
  /** @throws QueueConflictError */
  declareQueue(name: string, options: QueueOptions): MemoryQueue;
  /** Puts text into a queue as it is, JSON or not; for tests. */
  inject(name: string, text: string): void;
  broadcast(exchange: string, text: string): void;
  subscribe(exchange: string, listener: (text: string) => void): Disposable;
}

export function createMemoryBroker({ clock }: { clock: Clock }): MemoryBroker {
  const queues = new Map<string, MemoryQueue>();
  const exchanges = new Map<string, Set<{ deliver: (text: string) => void }>>();

  return {
    queue: (name) => queues.get(name),
    declareQueue(name, options) {
      const existing = queues.get(name);
      if (existing) {
        const difference = differs(existing.options, options);
        if (difference) throw new QueueConflictError(`queue ${name} exists with another ${difference}`);
        existing.touch();
        return existing;
      }
      const queue = createMemoryQueue(
        { clock },
        { name, options: { ...options }, onExpired: () => void queues.delete(name) },
      );
      queues.set(name, queue);
      return queue;
    },
    inject(name, text) {
      queues.get(name)?.put(text, {});
    },
    broadcast(exchange, text) {
      for (const { deliver } of exchanges.get(exchange) ?? []) queueMicrotask(() => deliver(text));
    },
    subscribe(exchange, listener) {
      const entry = { deliver: listener };
      const listeners = exchanges.get(exchange) ?? new Set();
      exchanges.set(exchange, listeners.add(entry));
      return { [Symbol.dispose]: () => void listeners.delete(entry) };
    },
  };
}

/** The first option that differs among those a broker compares; the delivery limit belongs to the consumers. */
function differs(left: QueueOptions, right: QueueOptions): string | undefined {
  const compared = ['kind', 'messageTtlMs', 'expiresMs'] as const;
  return compared.find((option) => left[option] !== right[option]);
}
