/**
 * `signal.reason` when the fabric ends an attempt: it ran longer than its timeout, or somebody cancelled the task.
 * Whatever the worker throws from then on is reported as this.
 */
export class AttemptAborted extends Error {
  override readonly name = 'AttemptAborted';
  readonly reason: 'timeout' | 'cancelled';

  constructor(reason: 'timeout' | 'cancelled') {
    super(reason === 'timeout' ? 'the attempt ran longer than its timeout' : 'the task was cancelled');
    this.reason = reason;
  }
}
