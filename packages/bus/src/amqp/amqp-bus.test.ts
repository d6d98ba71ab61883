import { sharedRabbitmq } from '@tenma/test-support/rabbitmq';
import { until } from '@tenma/test-support';
import { connect } from 'amqplib';
import { afterAll, describe } from 'vitest';
import { busContract, testComponents } from '../bus.contract.ts';
import { temporaryNamespace } from './index.ts';

const server = await sharedRabbitmq();
afterAll(() => server?.[Symbol.asyncDispose]());

describe.skipIf(!server)('on the shared RabbitMQ', () => {
  busContract({
    name: 'AMQP',
    async create() {
      const url = server?.url ?? '';
      const corner = temporaryNamespace(url);
      const raw = await connect(url);
      return {
        async connect() {
          const bus = corner.createBus(testComponents);
          await until(() => bus.status === 'connected', { everyMs: 5 });
          return bus;
        },
        async inject(queue, text) {
          const channel = await raw.createConfirmChannel();
          channel.sendToQueue(corner.namespace + queue, Buffer.from(text));
          await channel.waitForConfirms();
          await channel.close();
        },
        deadQueue: 'tenma.dead',
        async [Symbol.asyncDispose]() {
          await raw.close();
          await corner[Symbol.asyncDispose]();
        },
      };
    },
  });
});
