import type { Json } from '@tenma/protocol';

/** Shared by every copy of the SDK in a process: a worker package may bring its own. */
const brand = Symbol.for('tenma.worker-error');

export interface WorkerErrorOptions {
  /** snake_case; what programs decide on. Default `worker_error`. */
  code?: string;
  /** Whether another attempt can end better. Default false: an expected failure is expected again. */
  retryable?: boolean;
  /** At most 16 KiB of JSON that helps the reader; more is left out. */
  details?: Json;
  cause?: unknown;
}

/**
 * A failure that a worker foresees: it ends the attempt with its own `code` and without a stack. Any other error
 * that a worker throws is taken for a fault, code `worker_error`, and is retried.
 */
export class WorkerError extends Error {
  /** Of the class, also of one that extends this. */
  override readonly name: string;
  readonly code: string;
  readonly retryable: boolean;
  readonly details: Json | undefined;
  readonly [brand] = true;

  constructor(message: string, options: WorkerErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = options.code ?? 'worker_error';
    this.retryable = options.retryable ?? false;
    this.details = options.details;
  }
}

/** Like `instanceof`, but also true for an error made by another copy of the SDK. */
export function isWorkerError(value: unknown): value is WorkerError {
  return value instanceof Error && brand in value;
}
