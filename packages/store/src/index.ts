export {
  type Document,
  type DocumentWrite,
  type Documents,
  type DocumentsWritten,
  type ObservationRow,
  type Observations,
  observationsKept,
} from './documents.ts';
export {
  type Channel,
  type InsertOutcome,
  type Lane,
  type LaneBacklog,
  type Page,
  type Store,
  type StoreStatus,
  StoreUnavailableError,
  type TaskFilter,
} from './store.ts';
export type { TaskChange, TaskControl, TaskLife, TaskRecord, TaskSpec } from './task-record.ts';
