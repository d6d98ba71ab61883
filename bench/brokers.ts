import { startMosquitto } from '@tenma/test-support/mosquitto';
import { startRabbitmq } from '@tenma/test-support/rabbitmq';
import { childPid, type Part } from './cpu.ts';

export interface Brokers {
  readonly amqpUrl: string;
  readonly mqttUrl: string;
  readonly parts: readonly Part[];
}

/** RabbitMQ and Mosquitto of the bench's own, on free ports of loopback, shared by Tenma and the floor. */
export async function startBrokers(resources: AsyncDisposableStack): Promise<Brokers> {
  const rabbitmq = resources.use(await startRabbitmq());
  const mosquitto = resources.use(await startMosquitto());
  return {
    amqpUrl: rabbitmq.url,
    mqttUrl: mosquitto.url,
    parts: [
      { name: 'RabbitMQ', pid: childPid('beam'), children: 'together' },
      { name: 'Mosquitto', pid: childPid('mosquitto'), children: 'together' },
    ],
  };
}
