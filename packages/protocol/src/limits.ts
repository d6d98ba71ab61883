/** Sizes the fabric keeps to. Bytes are of JSON text in UTF-8; larger input gets 413, larger output by reference. */
export const limits = {
  taskBytes: 256 * 1024,
  /** Of an output in a message; a larger one is kept as a blob. */
  resultBytes: 256 * 1024,
  blobBytes: 64 * 1024 * 1024,
  blobPartBytes: 512 * 1024,
  progressBytes: 16 * 1024,
  batchBytes: 16 * 1024 * 1024,
  batchTasks: 1_000,
  pageSizeDefault: 50,
  pageSizeMax: 1_000,
  /** `Prefer: wait=N` and SSE waits are capped here. */
  waitSecondsMax: 60,
  labels: 32,
  /** Levels of nesting in a submission. */
  jsonDepth: 100,
  /** LE cuts a batch for IC into messages of about this size. */
  dispatchMessageBytes: 1024 * 1024,
} as const;

/** The clocks and the retry policy of a task whose type and submission say nothing. All finite. */
export const defaults = {
  queueTimeoutMs: 5 * 60_000,
  attemptTimeoutMs: 60_000,
  totalTimeoutMs: 15 * 60_000,
  /** A worker silent for this long is lost, and its attempts with it. */
  heartbeatLostMs: 30_000,
  heartbeatMs: 5_000,
  /** A dispatch that IC has not settled in this time is sent again. */
  dispatchLeaseMs: 30_000,
  /** A task that no pool can take is looked at again after this, or when a worker appears. */
  placementRetryMs: 2_000,
  /** An aborted attempt that has not ended after this loses its process. */
  abortGraceMs: 2_000,
  retry: { max_attempts: 5, initial_ms: 1_000, factor: 2, cap_ms: 100_000 },
  maxCrashes: 3,
  /** How long an output by reference is kept. */
  blobRetentionMs: 24 * 3_600_000,
  priority: 5,
} as const;

/** Above the default priority: room, queues and writes of its own, all the way, so that it does not stand behind the rest. */
export function isUrgent({ priority }: { readonly priority: number }): boolean {
  return priority > defaults.priority;
}
