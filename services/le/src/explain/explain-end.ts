import type { TaskControl } from '@tenma/store';
import { placementLines } from './explain-placement.ts';
import { counted, span } from './in-words.ts';
import type { Explain, Surroundings } from './surroundings.ts';

export const explainSuccess: Explain = (task, around) => {
  const { life, spec } = task;
  const took =
    life.startedAt === null || life.finishedAt === null
      ? ''
      : ` in ${span(life.finishedAt - life.startedAt)}`;
  return {
    summary: `It succeeded${took}, in attempt ${life.attempt} of ${spec.retry.max_attempts}.`,
    lines: [...ranLines(task, around), ...placementLines(life.placement, spec)],
  };
};

export const explainFailure: Explain = (task, around) => {
  const { life, spec } = task;
  const why = life.error ? ` with ${life.error.code}: ${life.error.message}` : '';
  const last = life.attempt >= spec.retry.max_attempts ? 'That was its last attempt.' : null;
  const final = life.error?.retryable === false ? 'Such an error is not worth another attempt.' : null;
  return {
    summary: `It failed in attempt ${life.attempt} of ${spec.retry.max_attempts}${why}.`,
    lines: [
      ...[last ?? final ?? []].flat(),
      ...ranLines(task, around),
      ...placementLines(life.placement, spec),
    ],
  };
};

/** Of ends that can come before the first attempt. */
export function explainEnded(how: string): Explain {
  return (task, around) => {
    const { life, spec } = task;
    const when = life.finishedAt === null ? '' : ` ${span(around.now - life.finishedAt)} ago`;
    const began =
      life.attempt === 0 ? 'It had not started.' : `It had started ${counted(life.attempt, 'attempt')}.`;
    return {
      summary: `${how}${when}${life.error ? `: ${life.error.message}` : ''}.`,
      lines: [began, ...ranLines(task, around), ...placementLines(life.placement, spec)],
    };
  };
}

/** Where the last attempt ran, and on which version; a candidate is named, as it explains many a failure. */
export function ranLines({ spec, life }: TaskControl, { fleet }: Surroundings): string[] {
  if (life.weeId === null || life.startedAt === null) return [];
  const version = life.workerVersion;
  if (version === undefined) return [`Its last attempt ran on ${life.weeId}.`];
  const reports = fleet.wees.get(life.weeId)?.presence.versions ?? [];
  const role = reports.find((one) => one.type === spec.type && one.version === version)?.role;
  const known = role === undefined ? '' : `, ${roleInWords[role]}`;
  return [`Its last attempt ran on ${life.weeId} with ${spec.type} ${version}${known}.`];
}

const roleInWords = {
  stable: 'the stable version there',
  candidate: 'a candidate on trial there',
  draining: 'which is on its way out there',
  rejected: 'which has been rejected since',
  idle: 'which takes no tasks there now',
} as const;
