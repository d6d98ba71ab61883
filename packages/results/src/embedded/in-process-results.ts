import type { Clock, Log } from '@tenma/runtime';
import { createConnectionStatus } from '../connection-status.ts';
import { createOutstanding, defaultTimeoutMs, finishMs } from '../outstanding.ts';
import { decodePayload, encodePayload } from '../payload.ts';
import { type Results, ResultsUnavailableError } from '../results.ts';
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

  return {
    get status() {
      return status.current;
    },
    onStatus: (listener) => status.onChange(listener),
    async announce(topic, payload, { qos, retain = false, timeoutMs = defaultTimeoutMs }) {
      assertTopic(topic);
      if (status.current === 'closed') throw new ResultsUnavailableError('closed');
      const message = { topic, payload: encodePayload(payload), qos, retain };
      await outstanding.run(timeoutMs, (settle) => {
        const left = () => {
          if (qos === 0) settle();
        };
        distribution.announce({ ...message, left, done: settle });
      });
    },
    async subscribe(filter, handler) {
      assertFilter(filter);
      if (status.current === 'closed') throw new ResultsUnavailableError('closed');
      const subscription = distribution.subscribe(filter, (topic, payload, retained) => {
        try {
          handler({ topic, payload: decodePayload(payload), retained });
        } catch (error) {
          log.error({ err: error, topic, filter }, 'a handler of MQTT messages threw');
        }
      });
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
      for (const subscription of subscriptions) subscription[Symbol.dispose]();
      subscriptions.clear();
      await outstanding.finish(finishMs);
    },
  };
}
