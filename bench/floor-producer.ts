/**
 * The floor's producer: bare amqplib, persistent messages with confirms to one quorum queue. The bench measures
 * drivers against Tenma, so it uses them directly, which nothing else outside the adapters may. Its argument: the AMQP URL.
 */
import { randomUUID } from 'node:crypto';
import { connect } from 'amqplib';
import { serveDriver } from './driver.ts';
import { floorQueue } from './floor-wire.ts';
import { kibibyteInput } from './task-input.ts';

const connection = await connect(process.argv[2] ?? '', { noDelay: true });
const channel = await connection.createConfirmChannel();
await channel.assertQueue(floorQueue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
const input = kibibyteInput();

serveDriver(
  () =>
    new Promise((resolve, reject) => {
      const content = Buffer.from(JSON.stringify(input));
      const options = { persistent: true, messageId: randomUUID(), contentType: 'application/json' };
      channel.publish('', floorQueue, content, options, (error: Error | null) =>
        error ? reject(error) : resolve(undefined),
      );
    }),
);
