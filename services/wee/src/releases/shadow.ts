import type { Json } from '@tenma/protocol';
import type { Outcome } from '../processes/interfaces.ts';
import { discardOutput } from '../processes/discard-output.ts';
import type { LaneAttempt } from './lane.ts';

/**
 * How a task came out on the candidate beside the stable version. `failed`: on the candidate alone, which may be chance.
 * `refused`: the candidate does not take the input. `incomparable`: the outputs are too large to be compared by the worker
 * and not the same to the byte, or there was no process to compare them. `void`: says nothing of the candidate, as the
 * stable version did not succeed or somebody cancelled.
 */
export type Comparison = 'equal' | 'different' | 'failed' | 'refused' | 'incomparable' | 'void';

/** Waits for both. Rejects as `compare` does. */
export async function compareShadow(
  original: Promise<Outcome>,
  shadow: LaneAttempt,
  compare: (before: Json, after: Json) => Promise<boolean | null>,
): Promise<Comparison> {
  const before = await original;
  if (before.outcome !== 'succeeded') shadow.cancel();
  const { outcome: after } = await shadow.ended;
  if ('file' in after) discardOutput(after.file);
  if (before.outcome !== 'succeeded' || after.outcome === 'cancelled') return 'void';
  if (after.outcome === 'failed') return after.refused ? 'refused' : 'failed';
  if ('output' in before && 'output' in after) {
    const same = await compare(before.output, after.output);
    return same === null ? 'incomparable' : same ? 'equal' : 'different';
  }
  const same = 'file' in before && 'file' in after && before.file.sha256 === after.file.sha256;
  return same ? 'equal' : 'incomparable';
}
