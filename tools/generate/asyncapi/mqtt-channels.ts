import {
  nodeStatuses,
  regionStatuses,
  terminalStates,
  topics,
  weeStatuses,
} from '../../../packages/protocol/src/index.ts';
import type { Channel } from './messages.ts';

const region = { description: 'Where the task was placed; `none` if it never was.' };
const task = {
  region,
  type: { description: 'The task type.' },
  task_id: { description: 'The id of the task.' },
};
const ofTask = ['{region}', '{type}', '{task_id}'] as const;

/** How a retained message goes. */
const cleared = 'An empty payload clears it: what it told of is gone.';

/** The topics. */
export const mqttChannels: readonly Channel[] = [
  {
    name: 'taskResult',
    server: 'mqtt',
    address: topics.result(...ofTask),
    title: 'How a task ended',
    description: 'QoS 1, not retained; once or more, always with the same event id for the same end.',
    parameters: task,
    messages: [
      {
        name: 'TaskResultEvent',
        title: 'The end of a task',
        payload: 'TaskResult',
        event: terminalStates.map((state) => `tenma.task.${state}.v1`),
      },
    ],
  },
  {
    name: 'taskProgress',
    server: 'mqtt',
    address: topics.progress(...ofTask),
    title: 'What a worker reports while it runs',
    description: 'QoS 0, not retained.',
    parameters: task,
    messages: [
      {
        name: 'TaskProgressEvent',
        title: 'Progress',
        payload: 'TaskProgress',
        event: ['tenma.task.progress.v1'],
      },
    ],
  },
  {
    name: 'taskState',
    server: 'mqtt',
    address: topics.state(...ofTask),
    title: 'That an attempt is running',
    description: 'QoS 0, not retained; only `running`, and only of attempts that last 200 ms or longer.',
    parameters: task,
    messages: [
      {
        name: 'TaskStateEvent',
        title: 'A change that is not an end',
        payload: 'TaskStateChange',
        event: ['tenma.task.running.v1'],
      },
    ],
  },
  {
    name: 'worker',
    server: 'mqtt',
    address: topics.worker('{region}', '{wee_id}'),
    title: 'Presence of a WEE',
    description:
      'QoS 1, retained; on every connection and every 5 s. Its will says `offline` for the same boot.',
    parameters: { region: { description: 'The region of the WEE.' }, wee_id: { description: 'Its name.' } },
    messages: [
      {
        name: 'PresenceEvent',
        title: 'A WEE speaks',
        payload: 'Presence',
        event: weeStatuses.map((status) => `tenma.worker.${status}.v1`),
      },
      {
        name: 'OfflineEvent',
        title: 'A WEE has vanished (its will)',
        payload: 'Offline',
        event: ['tenma.worker.offline.v1'],
      },
    ],
  },
  {
    name: 'region',
    server: 'mqtt',
    address: topics.region('{region}'),
    title: 'How a region fares',
    description: `QoS 1, retained; on every change, and all again when LE has been without MQTT. ${cleared}`,
    parameters: { region: { description: 'The id of the region.' } },
    messages: [
      {
        name: 'RegionEvent',
        title: 'A region as the API shows it',
        payload: 'Region',
        event: regionStatuses.map((status) => `tenma.region.${status}.v1`),
      },
    ],
  },
  {
    name: 'node',
    server: 'mqtt',
    address: topics.node('{region}', '{node_id}'),
    title: 'How a node fares',
    description: `QoS 1, retained; on every change, and all again when LE has been without MQTT. ${cleared}`,
    parameters: {
      region: { description: 'The region of the node.' },
      node_id: { description: 'Its id.' },
    },
    messages: [
      {
        name: 'NodeEvent',
        title: 'A node as the API shows it',
        payload: 'Node',
        event: nodeStatuses.map((status) => `tenma.node.${status}.v1`),
      },
    ],
  },
  {
    name: 'activeRegion',
    server: 'mqtt',
    address: topics.activeRegion(),
    title: 'Where tasks for `active` go',
    description: 'QoS 1, retained. A lower epoch than one that was seen is out of date.',
    messages: [
      {
        name: 'ActiveRegionEvent',
        title: 'The active region and its epoch',
        payload: 'ActiveRegion',
        event: ['tenma.active-region.changed.v1'],
      },
    ],
  },
  {
    name: 'latency',
    server: 'mqtt',
    address: topics.latency('{from}'),
    title: 'Round trips measured from a region',
    description: `QoS 1, retained; after every measurement. ${cleared}`,
    parameters: { from: { description: 'The region that measures.' } },
    messages: [
      {
        name: 'LatencyEvent',
        title: 'What the probes from a region have measured lately',
        payload: 'LatencyVector',
        event: ['tenma.latency.measured.v1'],
      },
    ],
  },
  {
    name: 'failover',
    server: 'mqtt',
    address: topics.failover('{event_id}'),
    title: 'That the active region has moved by a failover',
    description:
      'QoS 1, not retained: GET /api/geo/failover/history has those of before. Once; should the LE that announces it vanish, perhaps once more under the same event id. Neither dry runs nor refusals.',
    parameters: { event_id: { description: 'The id of the failover.' } },
    messages: [
      {
        name: 'FailoverExecutedEvent',
        title: 'A failover, with its evidence',
        payload: 'FailoverEvent',
        event: ['tenma.failover.executed.v1'],
      },
    ],
  },
];
