import type { DatabaseSync } from 'node:sqlite';
import type { StateSets } from '../state-sets.ts';
import { blobsOf } from './sqlite-blobs.ts';
import { documentsOf } from './sqlite-documents.ts';
import { observationsOf } from './sqlite-observations.ts';
import { lanesOf } from './sqlite-lanes.ts';
import { tasksOf } from './sqlite-tasks.ts';

/** The verbs that write; the rest only read. */
export const writingVerbs = [
  'insert',
  'apply',
  'claim',
  'makeAllDue',
  'forgetTasks',
  'saveTaskTypes',
  'forgetTaskTypes',
  'compareAndSet',
  'writeDocuments',
  'recordObservations',
  'forgetObservations',
  'putBlobPart',
  'forgetBlobParts',
] as const satisfies (keyof SqliteOperations)[];

/**
 * The store's verbs on an open database, in the thread that owns it; rows and columns cross, not records. What the
 * thread would need the vocabulary for is handed to it: loading that takes longer than everything else it does to start.
 */
export type SqliteOperations = ReturnType<typeof createOperations>;

export function createOperations(database: DatabaseSync, states: StateSets) {
  return {
    ...tasksOf(database, states),
    ...lanesOf(database, states),
    ...documentsOf(database),
    ...observationsOf(database),
    ...blobsOf(database),
  };
}
