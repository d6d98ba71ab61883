export type { Blob, Blobs } from './blobs.ts';
export {
  type Document,
  type DocumentWrite,
  type Documents,
  type DocumentsWritten,
  type ObservationRow,
  type Observations,
  observationsKept,
} from './documents.ts';
export { type Lane, laneOf } from './lane.ts';
export {
  type Channel,
  type ClaimOptions,
  type InsertOutcome,
  type KeyedLane,
  type KeyedLanes,
  type KeyedLanesPage,
  type LaneBacklog,
  type Page,
  type SentTask,
  type Store,
  type StoreStatus,
  StoreUnavailableError,
  type TaskFilter,
} from './store.ts';
export type { TaskChange, TaskControl, TaskLife, TaskRecord, TaskSpec } from './task-record.ts';
