import { isDeepStrictEqual } from 'node:util';
import type { Json, Submission } from '@tenma/protocol';
import type { TaskRecord } from '@tenma/store';

/**
 * Whether a submission asks for what a task was made for. Only what the submission says is compared: defaults may have
 * changed since, and that makes an honest repetition no conflict.
 */
export function asksTheSame(
  submission: Submission,
  input: Json,
  { spec, input: first }: TaskRecord,
): boolean {
  const time = (text: string | undefined) => (text === undefined ? null : Date.parse(text));
  const said = (mine: number | undefined, theirs: number) => mine === undefined || mine === theirs;
  return (
    submission.type === spec.type &&
    submission.region === spec.region &&
    submission.priority === spec.priority &&
    time(submission.run_at) === spec.runAt &&
    time(submission.deadline) === spec.deadline &&
    said(submission.timeout_ms, spec.timeoutMs) &&
    said(submission.queue_timeout_ms, spec.queueTimeoutMs) &&
    said(submission.total_timeout_ms, spec.totalTimeoutMs) &&
    isDeepStrictEqual({ ...spec.retry, ...submission.retry }, { ...spec.retry }) &&
    isDeepStrictEqual(submission.labels ?? {}, { ...spec.labels }) &&
    isDeepStrictEqual(submission.requires ?? {}, spec.requires) &&
    submission.cost === spec.cost &&
    submission.near === spec.near &&
    isDeepStrictEqual(submission.limit, spec.limit) &&
    isDeepStrictEqual(input, first)
  );
}
