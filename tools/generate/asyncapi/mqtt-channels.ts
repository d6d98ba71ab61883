import { terminalStates, topics, weeStatuses } from '../../../packages/protocol/src/index.ts';
import type { Channel } from './messages.ts';

const region = { description: 'Where the task was placed; `none` if it never was.' };
const task = {
  region,
  type: { description: 'The task type.' },
  task_id: { description: 'The id of the task.' },
};
const ofTask = ['{region}', '{type}', '{task_id}'] as const;

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
];
