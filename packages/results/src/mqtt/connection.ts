import { Socket } from 'node:net';
import type { Clock, Log } from '@tenma/runtime';
import {
  connect,
  type IClientOptions,
  type IConnackPacket,
  type IPublishPacket,
  type MqttClient,
  UniqueMessageIdProvider,
} from 'mqtt';
import { type Payload, plainText } from '../payload.ts';
import { ResultsUnavailableError, type Will } from '../results.ts';
import { within } from '../within.ts';
import type { BrokerAddress } from './broker-address.ts';
import type { ProtocolVersion, VersionOutcome } from './protocol-version.ts';
import type { ReceivedMessage, Subscription } from './subscriptions.ts';

interface OutgoingMessage {
  readonly topic: string;
  readonly payload: Payload;
  readonly qos: 0 | 1;
  readonly retain: boolean;
}

/** One connection to a broker, from the first packet to the end of the socket. It never comes back: a new one is made. */
export interface Connection {
  /** How many QoS 1 messages the broker takes unacknowledged. */
  readonly receiveMaximum: number;
  /** `settle` is called at the PUBACK (QoS 1) or when the socket has room (QoS 0); never if the connection ends first. */
  publish(message: OutgoingMessage, settle: (error?: Error) => void): void;
  subscribe(subscription: Subscription): void;
  unsubscribe(filter: string): void;
  /** Says goodbye, so that the will is not announced, and gives the broker a second for hanging up. */
  close(): Promise<void>;
}

export interface ConnectionEvents {
  up(): void;
  /** Once, however the connection ends, and also when it never came up. */
  down(outcome: VersionOutcome, error: Error | undefined): void;
  message(message: ReceivedMessage): void;
}

export interface ConnectionOptions {
  readonly address: BrokerAddress;
  readonly version: ProtocolVersion;
  readonly clientId: string;
  readonly will: Will | undefined;
}

const keepaliveSeconds = 10;
const connectTimeoutMs = 5_000;
const goodbyeMs = 1_000;
const maxMessageIds = 65_535;
/** 1 is what a 3.1.1 broker says, 132 an MQTT 5 one. */
const versionRefusals: readonly unknown[] = [1, 132];
const propertiesOf = (contentType: Payload['contentType']) => ({ payloadFormatIndicator: true, contentType });

export function openConnection(
  { clock, log }: { clock: Clock; log: Log },
  options: ConnectionOptions,
  events: ConnectionEvents,
): Connection {
  const client = connect(clientOptions(options));
  const isVersion5 = options.version === 5;
  const drained = createDrainWait(client);
  let connack: IConnackPacket | undefined;
  let closing = false;
  // Requests fail when their connection ends as well, which is no refusal.
  const onAnswer = (filter: string, error: Error | null | undefined) => {
    if (error && client.connected && !closing)
      log.warn({ filter, err: error }, 'the MQTT broker refused a filter');
  };
  listen(client, log, {
    ...events,
    up(packet) {
      connack = packet;
      events.up();
    },
  });

  return {
    get receiveMaximum() {
      return connack?.properties?.receiveMaximum ?? maxMessageIds;
    },
    publish({ topic, payload: { text, contentType }, qos, retain }, settle) {
      const properties = isVersion5 && text !== '' ? { properties: propertiesOf(contentType) } : {};
      if (qos === 0) {
        client.publish(topic, text, { qos, retain, ...properties });
        drained(settle);
      } else {
        client.publish(topic, text, { qos, retain, ...properties }, (error) => {
          settle(
            error ? new ResultsUnavailableError(`the MQTT broker refused: ${error.message}`) : undefined,
          );
        });
      }
    },
    subscribe({ filter, id }) {
      const hasIds = isVersion5 && connack?.properties?.subscriptionIdentifiersAvailable !== false;
      const properties = hasIds ? { properties: { subscriptionIdentifier: id } } : {};
      client.subscribe(filter, { qos: 1, ...properties }, (error) => onAnswer(filter, error));
    },
    unsubscribe(filter) {
      client.unsubscribe(filter, (error) => onAnswer(filter, error));
    },
    close() {
      closing = true;
      return sayGoodbye(client, clock);
    },
  };
}

/** Reconnecting, resubscribing and sending again are off: what mqtt.js would send later is stale by then. */
function clientOptions({ address, version, clientId, will }: ConnectionOptions): IClientOptions {
  const { display: _display, ...place } = address;
  return {
    ...place,
    protocolVersion: version,
    clientId,
    clean: true,
    keepalive: keepaliveSeconds,
    connectTimeout: connectTimeoutMs,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    messageIdProvider: new UniqueMessageIdProvider(),
    ...(will && {
      will: {
        topic: will.topic,
        payload: Buffer.from(plainText(will.payload)),
        qos: 1,
        retain: will.retain,
        ...(version === 5 && { properties: propertiesOf('application/cloudevents+json') }),
      },
    }),
  };
}

type ClientEvents = Omit<ConnectionEvents, 'up'> & { up(connack: IConnackPacket): void };

function listen(client: MqttClient, log: Log, events: ClientEvents): void {
  let isUp = false;
  let isDown = false;
  let lastError: (Error & { code?: unknown }) | undefined;
  client.on('connect', (packet) => {
    isUp = true;
    // Nagle's algorithm would hold small messages back until the last one was acknowledged.
    if (client.stream instanceof Socket) client.stream.setNoDelay(true);
    events.up(packet);
  });
  client.on('error', (error) => {
    lastError = error;
  });
  client.on('disconnect', (packet) => {
    const why = packet.reasonCode === 142 ? ': another client has our id' : '';
    log.warn({ reasonCode: packet.reasonCode }, `the MQTT broker ends the connection${why}`);
  });
  client.on('message', (topic, payload, packet) => {
    events.message({ topic, payload, retained: packet.retain, subscriptionIds: subscriptionIds(packet) });
  });
  client.on('close', () => {
    if (isDown) return;
    isDown = true;
    events.down(isUp ? 'unrelated' : outcomeOf(lastError), lastError);
  });
}

function outcomeOf(error: { code?: unknown } | undefined): VersionOutcome {
  if (error === undefined || error.code === 'ECONNRESET') return 'no answer';
  return versionRefusals.includes(error.code) ? 'refused' : 'unrelated';
}

function subscriptionIds(packet: IPublishPacket): readonly number[] {
  // A list when the broker sends one copy for several subscriptions, whatever the type says.
  const ids: number | number[] | undefined = packet.properties?.subscriptionIdentifier;
  if (ids === undefined) return [];
  return Array.isArray(ids) ? ids : [ids];
}

async function sayGoodbye(client: MqttClient, clock: Clock): Promise<void> {
  if (client.stream.destroyed) return;
  const gone = new Promise<void>((resolve) => client.once('close', resolve));
  // mqtt.js would keep the goodbye back for as long as anything is unacknowledged.
  for (const id of Object.keys(client.outgoing)) client.removeOutgoingMessage(Number(id));
  client.end(!client.connected);
  if (!(await within(clock, goodbyeMs, gone))) client.stream.destroy();
}

/** Calls back when the socket takes more; one listener for all who wait. */
function createDrainWait(client: MqttClient): (callback: () => void) => void {
  let waiting: (() => void)[] = [];
  return (callback) => {
    if (!client.stream.writableNeedDrain) return callback();
    waiting.push(callback);
    if (waiting.length > 1) return;
    client.stream.once('drain', () => {
      const ready = waiting;
      waiting = [];
      for (const call of ready) call();
    });
  };
}
