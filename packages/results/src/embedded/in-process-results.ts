import { type Clock, createInOrder, type Log } from '@tenma/runtime';
import { createConnectionStatus } from '../connection-status.ts';
import { encodeInTurn } from '../encode-in-turn.ts';
import { createOutstanding, defaultTimeoutMs, finishMs } from '../outstanding.ts';
import { decodePayload } from '../payload.ts';
import { type Message, type Results, ResultsUnavailableError } from '../results.ts';
import { assertFilter, assertTopic } from '../topic.ts';
import type { Distribution } from './distribution.ts';

/** As many announcements of one component as may be on their way to subscribers that are slow to read. */
const window = 10_000;

/**
 * A component's place at the embedded broker: connected from the start, closed with itself or the broker. QoS 1 resolves
 * when the message has been written to every subscriber, so that a slow one outside holds announcers back until it reads
 * or its connection is given up; QoS 0 does not wait.
 */
export function createInProcessResults({
  clock,
  log,
  distribution,
}: {
  clock: Clock;
  log: Log;
  distribution: Distribution;
}): Results {
  const status = createConnectionStatus('connected');
  const outstanding = createOutstanding({ clock }, { window });
  const subscriptions = new Set<Disposable>();
  const packing = createInOrder();

  return {
    get status() {
      return status.current;
    },
    onStatus: (listener) => status.onChange(listener),
    async announce(topic, payload, { qos, retain = false, timeoutMs = defaultTimeoutMs }) {
      assertTopic(topic);
      if (status.current === 'closed') throw new ResultsUnavailableError('closed');
      await encodeInTurn(packing, payload, ({ text }) =>
        outstanding.run(timeoutMs, (settle) => {
          const left = () => {
            if (qos === 0) settle();
          };
          distribution.announce({ topic, payload: text, qos, retain, left, done: settle });
        }),
      );
    },
    async subscribe(filter, handler) {
      assertFilter(filter);
      if (status.current === 'closed') throw new ResultsUnavailableError('closed');
      const subscription = subscribeUnpacked({ distribution, log }, filter, handler);
      subscriptions.add(subscription);
      return {
        async [Symbol.asyncDispose]() {
          subscriptions.delete(subscription);
          subscription[Symbol.dispose]();
        },
      };
    },
    async [Symbol.asyncDispose]() {
      status.set('closed');
      await packing.idle();
      for (const subscription of subscriptions) subscription[Symbol.dispose]();
      subscriptions.clear();
      await outstanding.finish(finishMs);
    },
  };
}

/** What takes time to unpack is not overtaken by what comes after it. */
function subscribeUnpacked(
  { distribution, log }: { distribution: Distribution; log: Log },
  filter: string,
  handler: (message: Message) => void,
): Disposable {
  const unpacking = createInOrder();
  let ended = false;
  const subscription = distribution.subscribe(filter, (topic, payload, retained) => {
    const call = (value: unknown) => {
      if (ended) return;
      try {
        handler({ topic, payload: value, retained });
      } catch (error) {
        log.error({ err: error, topic, filter }, 'a handler of MQTT messages threw');
      }
    };
    unpacking.add(() => {
      const value = decodePayload(payload);
      return value instanceof Promise ? value.then(call) : call(value);
    });
  });
  return {
    [Symbol.dispose]() {
      ended = true;
      subscription[Symbol.dispose]();
    },
  };
}
