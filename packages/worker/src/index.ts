export { AttemptAborted } from './attempt-aborted.ts';
export type { Clock, TimeSource } from './clock.ts';
export {
  type AnyWorker,
  type Cost,
  defineWorker,
  type ErrorClass,
  type Isolation,
  isWorker,
  type RunContext,
  type TaskInfo,
  type Worker,
  type WorkerDefinition,
  type WorkerInput,
  type WorkerOutput,
  type WorkerProgress,
} from './define-worker.ts';
export { estimateSlots } from './estimate-slots.ts';
export { workerHostUrl, workerThreadUrl } from './host/url.ts';
export { type Attempt, type Failure, type Outcome, runWorker } from './run-worker.ts';
export type { SchemaInput, SchemaOutput, SchemaPair, SchemaWithJson, WorkerSchema } from './schema.ts';
export { taskTypeOf } from './task-type-of.ts';
export { WorkerError, type WorkerErrorOptions } from './worker-error.ts';
