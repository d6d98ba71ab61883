import { slotsOf, slotsOfProcess } from '@tenma/protocol';
import type { AnyWorker } from './define-worker.ts';
import { check, describeIssues } from './schema.ts';

/**
 * The slots that one attempt with this input takes: 1 to `slotsOfProcess`, what a function says rounded up and clamped.
 * @throws TypeError when the input does not fit or the function says no number; else what the function throws
 */
export async function estimateSlots(worker: AnyWorker, input: unknown): Promise<number> {
  if (typeof worker.cost !== 'function') return slotsOf(worker.cost);
  const checked = await check(worker.input, input);
  if (!checked.ok) throw new TypeError(`the input does not fit: ${describeIssues(checked.issues)}`);
  const said: unknown = worker.cost(checked.value);
  if (typeof said !== 'number' || Number.isNaN(said))
    throw new TypeError('cost has to give a number of slots');
  return Math.min(Math.max(Math.ceil(said), 1), slotsOfProcess);
}
