import pg from 'pg';
import { StoreUnavailableError } from '../store.ts';

/**
 * Classes of SQLSTATE that speak of the server and not of the statement: connection, authorization, no such database,
 * read-only or broken transaction, rollback (deadlock, serialization), resources, lock not available, intervention
 * (shutdown, timeout), system.
 */
const unavailableClasses: readonly string[] = ['08', '28', '3D', '25', '40', '53', '55', '57', '58'];

/** What a failed query means to the caller of the store: unavailability as such, a fault of the statement unchanged. */
export function storeError(error: unknown): unknown {
  if (error instanceof StoreUnavailableError || error instanceof TypeError || error instanceof RangeError)
    return error;
  const speaksOfServer =
    error instanceof pg.DatabaseError ? unavailableClasses.includes(error.code?.slice(0, 2) ?? '') : true;
  if (!speaksOfServer) return error;
  return new StoreUnavailableError(`PostgreSQL is not available: ${reasonOf(error)}`, { cause: error });
}

/** The reason in one line; a refused connection has none but a code. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ');
  return error instanceof Error ? error.message || String((error as { code?: unknown }).code) : String(error);
}
