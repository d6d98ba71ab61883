/**
 * The floor's consumer: takes a message, publishes a result on MQTT (QoS 1), acknowledges the message at the PUBACK.
 * Nothing is parsed, checked, recorded or run. Its argument: {@link FloorConsumerOptions} as JSON.
 */
import { Socket } from 'node:net';
import { connect } from 'amqplib';
import { connectAsync } from 'mqtt';
import { type FloorConsumerOptions, floorQueue, floorTopic } from './floor-wire.ts';

/** Prefetch must exceed rate × confirm latency: with 300 the same pipeline ran at less than half the pace. */
const prefetch = 2_000;

const options = JSON.parse(process.argv[2] ?? '') as FloorConsumerOptions;
const results = await connectAsync(options.mqttUrl, { protocolVersion: 5 });
if (results.stream instanceof Socket) results.stream.setNoDelay(true);
const connection = await connect(options.amqpUrl, { noDelay: true });
const channel = await connection.createChannel();
await channel.assertQueue(floorQueue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
await channel.prefetch(prefetch);
const payload = Buffer.alloc(options.resultBytes, 'x');
await channel.consume(floorQueue, (message) => {
  if (!message) return;
  results.publish(floorTopic(String(message.properties.messageId)), payload, { qos: 1 }, (error) => {
    if (error) throw error;
    channel.ack(message);
  });
});
process.once('disconnect', () => process.exit(0));
process.send?.({ kind: 'ready' });
