/** AMQP names. Pool queues are announced by the WEEs that consume them; see {@link poolQueue}. */
export const queues = {
  ic: 'tenma.ic',
  journal: 'tenma.journal',
  blobs: 'tenma.blobs',
  dead: 'tenma.dead',
  marker: 'tenma.marker',
} as const;

/** Fanouts: `control` LE → every WEE, `heartbeats` WEE → every LE, `observations` LE → every LE. */
export const exchanges = {
  control: 'tenma.control',
  heartbeats: 'tenma.heartbeats',
  observations: 'tenma.observations',
} as const;

export function poolQueue(region: string, pool: string): string {
  return `tenma.wee.${region}.${pool}`;
}

/** Beside the queue of a pool: tasks above the default priority, so that they do not stand behind the others. */
export function urgentQueue(region: string, pool: string): string {
  return `${poolQueue(region, pool)}.urgent`;
}

/** What is addressed to one WEE. */
export function weeQueue(region: string, weeId: string): string {
  return `tenma.own.${region}.${weeId}`;
}

export const topicPrefix = 'tenma/v1';

/** MQTT topics. Filters are the same functions called with `+`. */
export const topics = {
  result: (region: string, type: string, taskId: string) =>
    `${topicPrefix}/tasks/${region}/${type}/${taskId}/result`,
  progress: (region: string, type: string, taskId: string) =>
    `${topicPrefix}/tasks/${region}/${type}/${taskId}/progress`,
  state: (region: string, type: string, taskId: string) =>
    `${topicPrefix}/tasks/${region}/${type}/${taskId}/state`,
  worker: (region: string, weeId: string) => `${topicPrefix}/workers/${region}/${weeId}`,
  region: (region: string) => `${topicPrefix}/regions/${region}`,
  node: (region: string, nodeId: string) => `${topicPrefix}/nodes/${region}/${nodeId}`,
  activeRegion: () => `${topicPrefix}/active-region`,
  latency: (from: string) => `${topicPrefix}/latency/${from}`,
  release: (type: string) => `${topicPrefix}/releases/${type}`,
  failover: (eventId: string) => `${topicPrefix}/failovers/${eventId}`,
} as const;

/** The region level of a topic for a task that was never placed. */
export const unplacedRegion = 'none';
