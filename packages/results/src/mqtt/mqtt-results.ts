import { type Clock, createInOrder, type Log } from '@tenma/runtime';
import { createConnectionStatus } from '../connection-status.ts';
import { createOutstanding, defaultTimeoutMs, finishMs } from '../outstanding.ts';
import { encodeInTurn } from '../encode-in-turn.ts';
import { type Results, ResultsUnavailableError, type Will } from '../results.ts';
import { assertFilter, assertTopic } from '../topic.ts';
import { parseBrokerAddress } from './broker-address.ts';
import { keepConnected } from './lasting-connection.ts';
import { createSubscriptions } from './subscriptions.ts';

export interface MqttResultsOptions {
  /** `mqtt`, `mqtts`, `ws` or `wss`; user and password, percent-encoded, go in it. */
  url: string;
  /** Of no other living process: a broker hangs up on the elder of two. */
  clientId: string;
  will?: Will;
}

/** With the broker and unacknowledged; MQTT has 65,535 message ids for everything. */
const maxWindow = 10_000;

/**
 * Results over any MQTT broker: MQTT 5 where it is spoken, else 3.1.1. Returns at once, in status `connecting`.
 *
 * Handlers can see a retained message again: after a reconnection, and when another one subscribes to the same filter.
 * With MQTT 3.1.1 some brokers send a copy for each of a component's overlapping filters, and each goes to all of them.
 * @param components `random` is uniform in [0, 1) and spreads reconnections
 * @throws TypeError when the URL is none
 */
export function createMqttResults(
  components: { clock: Clock; log: Log; random: () => number },
  { url, clientId, will }: MqttResultsOptions,
): Results {
  const status = createConnectionStatus('connecting');
  const outstanding = createOutstanding(components, { window: maxWindow });
  const subscriptions = createSubscriptions(components);
  const packing = createInOrder();
  const lasting = keepConnected(
    components,
    { address: parseBrokerAddress(url), clientId, will },
    {
      up(connection) {
        outstanding.setWindow(Math.min(maxWindow, connection.receiveMaximum));
        for (const subscription of subscriptions.all()) connection.subscribe(subscription);
        status.set('connected');
      },
      down(error) {
        status.set('connecting');
        outstanding.failAll(unavailable(error?.message ?? 'the connection to the MQTT broker was lost'));
      },
      message: (message) => subscriptions.deliver(message),
    },
  );

  return {
    get status() {
      return status.current;
    },
    onStatus: (listener) => status.onChange(listener),
    async announce(topic, payload, { qos, retain = false, timeoutMs = defaultTimeoutMs }) {
      assertTopic(topic);
      if (status.current !== 'connected')
        throw unavailable(`the connection to the MQTT broker is ${status.current}`);
      await encodeInTurn(packing, payload, (encoded) => {
        if (status.current === 'connecting') throw unavailable('the connection to the MQTT broker was lost');
        const message = { topic, payload: encoded, qos, retain };
        return outstanding.run(timeoutMs, (settle) => lasting.current?.publish(message, settle));
      });
    },
    async subscribe(filter, handler) {
      assertFilter(filter);
      if (status.current === 'closed') throw unavailable('closed');
      const { subscription, remove } = subscriptions.add(filter, handler);
      lasting.current?.subscribe(subscription);
      return {
        async [Symbol.asyncDispose]() {
          if (remove() === 'filter unwanted') lasting.current?.unsubscribe(filter);
        },
      };
    },
    async [Symbol.asyncDispose]() {
      status.set('closed');
      await packing.idle();
      await outstanding.finish(finishMs);
      await lasting[Symbol.asyncDispose]();
    },
  };
}

function unavailable(message: string): ResultsUnavailableError {
  return new ResultsUnavailableError(message);
}
