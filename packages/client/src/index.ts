export { type Client, type ClientOptions, createClient } from './client.ts';
export type { ErrorClass, InputOf, OutputOf, TaskDefinition, TaskTypeRef } from './definition.ts';
export {
  BadResponseError,
  ClientClosedError,
  RequestError,
  ResultTimeoutError,
  TaskCancelledError,
  taskEndError,
  TaskExpiredError,
  TaskFailedError,
  TenmaError,
  UnreachableError,
} from './errors.ts';
export type {
  FailoverOrder,
  GeoCalls,
  GeoImport,
  GeoImported,
  LatencyQuery,
  NewNodeInput,
  NewRegionInput,
  NodeFilter,
} from './geo-calls.ts';
export type { MapOptions, MapResult } from './map.ts';
export type { ClientClock } from './patience.ts';
export type { Pool, Readiness } from './records.ts';
export type { NewPolicyInput, NewScheduleInput, PolicyCalls, ScheduleCalls } from './registry-calls.ts';
export type { ReleaseCalls, ReleaseUpdateInput } from './releases.ts';
export type {
  RemoteCalls,
  RemoteFunctions,
  RemoteWorker,
  WorkerDefaults,
  WorkerGroup,
} from './remote-calls.ts';
export { RemoteWorkerError } from './remote-error.ts';
export type { RunOptions, SubmitOptions } from './submission.ts';
export type { BatchOptions } from './submitter.ts';
export type { TaskEvent } from './task-events.ts';
export type { CallOptions, ResultOptions, TaskHandle } from './task-handle.ts';
export type { ListOptions } from './task-list.ts';
