export { AttemptAborted } from './attempt-aborted.ts';
export {
  type AnyWorker,
  type Cost,
  defineWorker,
  isWorker,
  type RunContext,
  type TaskInfo,
  type Worker,
  type WorkerDefinition,
  type WorkerInput,
  type WorkerOutput,
  type WorkerProgress,
} from './define-worker.ts';
export { workerHostUrl } from './host/url.ts';
export { type Attempt, type Outcome, runWorker } from './run-worker.ts';
export type { SchemaInput, SchemaOutput, SchemaPair, SchemaWithJson, WorkerSchema } from './schema.ts';
export { taskTypeOf } from './task-type-of.ts';
export { WorkerError, type WorkerErrorOptions } from './worker-error.ts';
