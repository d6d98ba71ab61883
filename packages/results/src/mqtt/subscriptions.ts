import { createInOrder, type Log } from '@tenma/runtime';
import { decodePayload } from '../payload.ts';
import type { Message } from '../results.ts';
import { matchesFilter } from '../topic.ts';

export interface Subscription {
  readonly filter: string;
  /** Comes back with each of its messages where the broker speaks MQTT 5. */
  readonly id: number;
}

export interface ReceivedMessage {
  readonly topic: string;
  readonly payload: Buffer;
  readonly retained: boolean;
  /** Of the subscriptions that the broker sent it for; empty when it does not say. */
  readonly subscriptionIds: readonly number[];
}

/** What this component wants to hear, for restoring it after a reconnection, and who wants it. */
export interface Subscriptions {
  add(
    filter: string,
    handler: (message: Message) => void,
  ): { subscription: Subscription; remove: () => RemoveOutcome };
  all(): readonly Subscription[];
  deliver(message: ReceivedMessage): void;
}

type RemoveOutcome = 'filter still wanted' | 'filter unwanted' | 'removed before';

/** MQTT 5, 3.8.2.1.2. */
const maxSubscriptionId = 268_435_455;

interface Entry extends Subscription {
  readonly handlers: Set<{ call: (message: Message) => void }>;
}

export function createSubscriptions({ log }: { log: Log }): Subscriptions {
  const byFilter = new Map<string, Entry>();
  /** What takes time to unpack is not overtaken. */
  const unpacking = createInOrder();
  let lastId = 0;

  function entryFor(filter: string): Entry {
    const known = byFilter.get(filter);
    if (known) return known;
    lastId = (lastId % maxSubscriptionId) + 1;
    const entry = { filter, id: lastId, handlers: new Set<{ call: (message: Message) => void }>() };
    byFilter.set(filter, entry);
    return entry;
  }

  return {
    add(filter, call) {
      const entry = entryFor(filter);
      const handler = { call };
      entry.handlers.add(handler);
      return {
        subscription: entry,
        remove() {
          if (!entry.handlers.delete(handler)) return 'removed before';
          if (entry.handlers.size > 0) return 'filter still wanted';
          byFilter.delete(filter);
          return 'filter unwanted';
        },
      };
    },
    all: () => [...byFilter.values()],
    deliver({ topic, payload, retained, subscriptionIds }) {
      for (const { filter, id, handlers } of byFilter.values()) {
        // Where filters overlap the broker may send a copy for each: by the id each handler gets its own only.
        if (subscriptionIds.length > 0 ? !subscriptionIds.includes(id) : !matchesFilter(filter, topic))
          continue;
        for (const handler of handlers) {
          const call = (value: unknown) => {
            // It may have ended while this was unpacked.
            if (!handlers.has(handler)) return;
            try {
              handler.call({ topic, payload: value, retained });
            } catch (error) {
              log.error({ err: error, topic, filter }, 'a handler of MQTT messages threw');
            }
          };
          unpacking.add(() => {
            const value = decodePayload(payload);
            return value instanceof Promise ? value.then(call) : call(value);
          });
        }
      }
    },
  };
}
