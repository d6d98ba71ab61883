import {
  type Presence,
  type Task,
  type TaskExplanation,
  taskExplanationSchema,
  type TaskType,
  taskTypeSchema,
} from '@tenma/protocol';
import type { Reader } from './http.ts';
import {
  type Pool,
  poolsReader,
  type Readiness,
  readinessReader,
  taskReader,
  taskTypesReader,
  workersReader,
} from './records.ts';
import { createRest } from './rest.ts';
import type { CallOptions } from './task-handle.ts';
import { type ListOptions, listTasks } from './task-list.ts';
import type { Transport } from './transport.ts';

/** What can be asked about tasks by their ids, and about all of them. */
export interface TaskCalls {
  get(id: string, options?: CallOptions): Promise<Task>;
  /** Newest first, fetched as they are taken. */
  list(options?: ListOptions): AsyncIterable<Task>;
  cancel(id: string, options?: CallOptions): Promise<Task>;
  /** Sends a task that failed, was cancelled or expired once more, as itself. */
  retry(id: string, options?: CallOptions): Promise<Task>;
  /** Why it runs where it runs, or why it waits, in words. */
  explain(id: string, options?: CallOptions): Promise<TaskExplanation>;
}

/** What can be asked about the fabric itself. */
export interface FabricCalls {
  taskTypes(options?: CallOptions): Promise<TaskType[]>;
  taskType(type: string, options?: CallOptions): Promise<TaskType>;
  /** LE forgets a type that has been retired, and its release; refused while it is in use. */
  forgetTaskType(type: string, options?: CallOptions): Promise<void>;
  workers(options?: CallOptions): Promise<Presence[]>;
  pools(options?: CallOptions): Promise<Pool[]>;
  /** What LE says about itself; also answers when it is not ready. */
  ready(options?: CallOptions): Promise<Readiness & { serverNow: number }>;
}

export function createTaskCalls(transport: Transport): TaskCalls {
  const address = (id: string) => `/api/v1/tasks/${encodeURIComponent(id)}`;
  return {
    async get(id, { signal } = {}) {
      const answer = await transport.call(
        { method: 'GET', path: address(id), signal, repeat: 'always' },
        taskReader,
      );
      return answer.data;
    },
    list: (options) => listTasks(transport, options),
    async cancel(id, { signal } = {}) {
      // Cancelling twice is cancelling once.
      const path = `${address(id)}/cancel`;
      return (await transport.call({ method: 'POST', path, signal, repeat: 'always' }, taskReader)).data;
    },
    async retry(id, { signal } = {}) {
      // Not after a lost answer: the task may have run, and failed, again in between.
      const path = `${address(id)}/retry`;
      return (await transport.call({ method: 'POST', path, signal, repeat: 'refused' }, taskReader)).data;
    },
    async explain(id, { signal } = {}) {
      const path = `${address(id)}/explanation`;
      const call = { method: 'GET', path, signal, repeat: 'always' } as const;
      return (await transport.call(call, taskExplanationSchema)).data;
    },
  };
}

export function createFabricCalls(transport: Transport): FabricCalls {
  const read = async <Value>(path: string, reader: Reader<Value>, { signal }: CallOptions = {}) =>
    (await transport.call({ method: 'GET', path, signal, repeat: 'always' }, reader)).data;
  return {
    taskTypes: async (options) => (await read('/api/v1/task-types', taskTypesReader, options)).items,
    taskType: (type, options) =>
      read(`/api/v1/task-types/${encodeURIComponent(type)}`, taskTypeSchema, options),
    forgetTaskType: (type, options) =>
      createRest(transport).remove(`/api/v1/task-types/${encodeURIComponent(type)}`, options),
    workers: async (options) => (await read('/api/v1/workers', workersReader, options)).items,
    pools: async (options) => (await read('/api/v1/pools', poolsReader, options)).items,
    async ready({ signal } = {}) {
      const call = { method: 'GET', path: '/readyz', signal, repeat: 'always', alsoOk: [503] } as const;
      const { data, serverNow } = await transport.call(call, readinessReader);
      return { ...data, serverNow };
    },
  };
}
