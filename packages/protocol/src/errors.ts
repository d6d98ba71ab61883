import { z } from 'zod';
import { jsonSchema } from './ids.ts';

interface ErrorEntry {
  /** HTTP status when it answers a request; null when it only ends a task. */
  readonly status: number | null;
  readonly retryable: boolean;
  readonly title: string;
  /** What the reader can do about it. */
  readonly remedy: string;
}

/**
 * Every error that crosses a wire: in problem+json answers, on tasks, in events and in the CLI's output.
 * `docs/errors.md` is generated from this table.
 */
export const errorCatalogue = {
  invalid_json: {
    status: 400,
    retryable: false,
    title: 'The body is not JSON',
    remedy: 'Send one JSON document; `errors[0].detail` says where reading stopped.',
  },
  invalid_request: {
    status: 422,
    retryable: false,
    title: 'The request does not match its schema',
    remedy: 'Correct the fields that `errors` points at; /openapi.json holds the schema.',
  },
  invalid_input: {
    status: 422,
    retryable: false,
    title: "The input does not match the task type's schema",
    remedy: 'Correct the fields that `errors` points at; GET /api/v1/task-types/{type} holds the schema.',
  },
  unknown_type: {
    status: 404,
    retryable: false,
    title: 'No worker has announced this task type',
    remedy: 'Use one of the types the hint names, or start a WEE that has the worker.',
  },
  unknown_task: {
    status: 404,
    retryable: false,
    title: 'There is no task with this id',
    remedy: 'Check the id; GET /api/v1/tasks lists the tasks.',
  },
  not_found: {
    status: 404,
    retryable: false,
    title: 'There is nothing at this address',
    remedy: 'See /docs for the routes.',
  },
  idempotency_conflict: {
    status: 409,
    retryable: false,
    title: 'The idempotency key was used for another body',
    remedy: 'Use a new key for a new task, or send the first body again.',
  },
  invalid_state: {
    status: 409,
    retryable: false,
    title: 'It is not in a state that allows this',
    remedy: 'Look at the task; only unfinished tasks can be cancelled, only unsuccessful ends retried.',
  },
  unknown_region: {
    status: 404,
    retryable: false,
    title: 'There is no region with this id',
    remedy: 'Use one of the regions the hint names, or register it with POST /api/geo/regions.',
  },
  unknown_node: {
    status: 404,
    retryable: false,
    title: 'There is no node with this id',
    remedy: 'Check the id; GET /api/geo/nodes lists the nodes.',
  },
  unknown_schedule: {
    status: 404,
    retryable: false,
    title: 'There is no schedule with this id',
    remedy: 'Check the id; GET /api/v1/schedules lists the schedules.',
  },
  unknown_policy: {
    status: 404,
    retryable: false,
    title: 'There is no policy with this id',
    remedy: 'Check the id; GET /api/v1/policies lists the policies.',
  },
  unknown_release: {
    status: 404,
    retryable: false,
    title: 'No WEE has this version of the task type',
    remedy: 'Use one of the versions the hint names, or give the WEEs the new one first.',
  },
  unknown_blob: {
    status: 404,
    retryable: false,
    title: 'There is no blob with this id',
    remedy: 'Blobs are kept for a day; run the task again.',
  },
  blob_incomplete: {
    status: 503,
    retryable: true,
    title: 'Parts of the blob are still on their way',
    remedy: 'Ask again after Retry-After seconds.',
  },
  already_exists: {
    status: 409,
    retryable: false,
    title: 'Something with this id exists already',
    remedy: 'Choose another id, or change the existing one with PATCH.',
  },
  changed_meanwhile: {
    status: 409,
    retryable: true,
    title: 'Somebody else changed it at the same moment',
    remedy: 'Look at it as it is now and send the change again.',
  },
  region_in_use: {
    status: 409,
    retryable: false,
    title: 'The region cannot be deleted as long as it is used',
    remedy: 'Delete or move its nodes, and make another region the active one, first.',
  },
  failover_refused: {
    status: 409,
    retryable: false,
    title: 'The failover is refused',
    remedy: 'Read `detail`; `dry_run` shows which targets there are and why others are not.',
  },
  failover_cooldown: {
    status: 409,
    retryable: true,
    title: 'The last failover was a moment ago',
    remedy: 'Wait for Retry-After seconds, or set the active region by hand with PUT /api/geo/active-region.',
  },
  too_large: {
    status: 413,
    retryable: false,
    title: 'The request is too large',
    remedy:
      'Keep a task under 256 KiB and a batch under 16 MiB and 1,000 tasks; pass references to large data.',
  },
  unsupported_media_type: {
    status: 415,
    retryable: false,
    title: 'The body has no content type that this address takes',
    remedy: 'Send content-type: application/json.',
  },
  outbox_full: {
    status: 503,
    retryable: true,
    title: 'Too many tasks wait to be sent',
    remedy: 'Wait for Retry-After seconds; /readyz says which dependency is down.',
  },
  store_unavailable: {
    status: 503,
    retryable: true,
    title: 'The store does not answer',
    remedy: 'Wait for Retry-After seconds; check the database that TENMA_STORE_URL names.',
  },
  internal: {
    status: 500,
    retryable: true,
    title: 'A fault in Tenma',
    remedy: 'Send the request again; report it with the trace in the log if it stays.',
  },
  attempt_timeout: {
    status: null,
    retryable: true,
    title: 'The attempt ran longer than its timeout',
    remedy: 'Raise `timeout_ms`, or make the worker faster.',
  },
  worker_error: {
    status: null,
    retryable: true,
    title: 'The worker threw an error',
    remedy:
      'Read `message` and `details.stack`; a worker marks an error not retryable by throwing WorkerError.',
  },
  worker_crashed: {
    status: null,
    retryable: true,
    title: "The worker's process died",
    remedy: 'Read `message`; the task is given up after 3 crashes.',
  },
  worker_lost: {
    status: null,
    retryable: true,
    title: 'The WEE that ran the attempt fell silent',
    remedy: 'Nothing to do while attempts remain; check the WEE that `message` names.',
  },
  invalid_output: {
    status: null,
    retryable: false,
    title: "The worker's output does not match its own schema",
    remedy: 'Correct the worker.',
  },
  result_too_large: {
    status: null,
    retryable: false,
    title: 'The result is larger than 64 MiB',
    remedy: 'Return a reference to the data.',
  },
  queue_timeout: {
    status: null,
    retryable: false,
    title: 'The task did not start in its queue time',
    remedy: 'Start a WEE that has the type, or more of them, or raise `queue_timeout_ms`.',
  },
  deadline_exceeded: {
    status: null,
    retryable: false,
    title: 'The task did not finish before its deadline',
    remedy: 'Raise `deadline` or `total_timeout_ms`.',
  },
  no_eligible_worker: {
    status: null,
    retryable: true,
    title: 'No pool can take the task',
    remedy: 'Start a WEE with the type and labels in the region that the task asks for.',
  },
  cancelled: {
    status: null,
    retryable: false,
    title: 'The task was cancelled',
    remedy: 'Retry it by hand if that was a mistake.',
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errorCatalogue;
export const errorCodes = Object.keys(errorCatalogue) as ErrorCode[];
export const errorCodeSchema = z.enum(errorCodes as [ErrorCode, ...ErrorCode[]]).meta({ id: 'ErrorCode' });

/** Why a task or an attempt ended without success. `code` is of the catalogue, or a worker's own. */
export const taskErrorSchema = z
  .object({
    code: z.string(),
    message: z.string(),
    retryable: z.boolean(),
    name: z.string().optional().describe('The class of the error that the worker threw.'),
    details: jsonSchema.optional(),
  })
  .meta({ id: 'TaskError' });
export type TaskError = z.infer<typeof taskErrorSchema>;

export function taskError(code: ErrorCode, message: string): TaskError {
  return { code, message, retryable: errorCatalogue[code].retryable };
}
