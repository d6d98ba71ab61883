import type { Brokers } from './brokers.ts';
import { type NodeProcess, type NodeProcessOptions, nextMessage, startNodeProcess } from './child-process.ts';
import type { Part } from './cpu.ts';
import type { FromDriver } from './driver.ts';
import type { FloorConsumerOptions } from './floor-wire.ts';

/**
 * The least that anything with these guarantees can cost here: one quorum queue with confirms, one MQTT message a
 * result, and nothing else. Tenma is measured against it, in the same minutes on the same brokers.
 */
export interface Floor {
  readonly driver: NodeProcess;
  readonly processes: readonly NodeProcess[];
  readonly parts: readonly Part[];
}

const readyWithinMs = 20_000;

export async function startFloor(
  resources: AsyncDisposableStack,
  { brokers, folder, resultBytes }: { brokers: Brokers; folder: string; resultBytes: number },
): Promise<Floor> {
  const { amqpUrl, mqttUrl } = brokers;
  const options: FloorConsumerOptions = { amqpUrl, mqttUrl, resultBytes };
  const driver = await startDriver(resources, {
    name: 'producer',
    file: new URL('./floor-producer.ts', import.meta.url),
    args: [amqpUrl],
    folder,
  });
  const consumer = await startDriver(resources, {
    name: 'consumer',
    file: new URL('./floor-consumer.ts', import.meta.url),
    args: [JSON.stringify(options)],
    folder,
  });
  return {
    driver,
    processes: [driver, consumer],
    parts: [
      { name: 'producer', pid: driver.pid, children: 'together' },
      { name: 'consumer', pid: consumer.pid, children: 'together' },
    ],
  };
}

/** Starts a process of the bench and waits until it says that it is ready. */
export async function startDriver(
  resources: AsyncDisposableStack,
  options: NodeProcessOptions,
): Promise<NodeProcess> {
  const started = resources.use(startNodeProcess(options));
  const isReady = (message: unknown) => (message as FromDriver).kind === 'ready' || undefined;
  await nextMessage(started, isReady, readyWithinMs);
  return started;
}
