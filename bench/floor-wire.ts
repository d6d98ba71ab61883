/** What the two processes of the floor agree on. */
export const floorQueue = 'bench.floor';

/** As long and as deep as a topic of Tenma, so that the MQTT broker does the same work. */
export function floorTopic(taskId: string): string {
  return `tenma/v1/tasks/ap-northeast-1/echo/${taskId}/result`;
}

export interface FloorConsumerOptions {
  readonly amqpUrl: string;
  readonly mqttUrl: string;
  /** Of each result: as large as Tenma's. */
  readonly resultBytes: number;
}
