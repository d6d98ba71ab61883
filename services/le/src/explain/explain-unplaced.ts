import type { TaskControl } from '@tenma/store';
import { ranLines } from './explain-end.ts';
import { fleetLine, idleVersionLines, placementLines } from './explain-placement.ts';
import { counted, expiryLine, limitInWords, until } from './in-words.ts';
import type { Explain, Explanation, Surroundings } from './surroundings.ts';

/** Of a task that stands in no queue as far as LE knows: it has its turn to come, or nobody has told where it went. */
export const explainDue: Explain = (task, around) => {
  const { spec } = task;
  if (isOut(task, around)) return sentOut('It has been sent out', task, around);
  const lines = [turnLine(task, around), ...unheardLines(task), expiryLine(task, around.now)];
  if (around.limited !== null) return { summary: `It is ${around.limited}.`, lines };
  const behind = around.due === null ? '' : ` among ${counted(around.due, 'due task')} of type ${spec.type}`;
  return {
    summary: `It waits for its turn to be sent out${behind} for ${regionInWords(task, around)}.`,
    lines: [...lines, ...limitLines(task)],
  };
};

export const explainScheduled: Explain = (task, around) => {
  const at = task.spec.runAt ?? task.life.dueAt ?? around.now;
  // It keeps its state until somebody has told where it stands.
  if (at <= around.now) return explainDue(task, around);
  const when = new Date(at).toISOString();
  return {
    summary: `It is to run at ${when}, ${until(at, around.now)}.`,
    lines: [expiryLine(task, around.now)],
  };
};

export const explainWaiting: Explain = (task, around) => {
  const { spec, life } = task;
  const { headline, details } = reasonInWords(life.reason);
  if (isOut(task, around)) {
    const again = sentOut('It has been sent out once more', task, around);
    return { ...again, lines: [`Before, it waited: ${headline}.`, ...again.lines] };
  }
  const next = life.dueAt ?? around.now;
  return {
    summary: `It waits: ${headline}.`,
    lines: [
      ...details,
      ...regionLines(task, around),
      fleetLine(spec, around),
      ...idleVersionLines(spec, around),
      ...limitedLines(next, around),
      `It is tried again ${until(next, around.now)}, or as soon as a WEE appears that runs ${spec.type}.`,
      expiryLine(task, around.now),
    ],
  };
};

export const explainRetrying: Explain = (task, around) => {
  const { spec, life } = task;
  const next = life.dueAt ?? around.now;
  const failed = life.reason ?? `attempt ${life.attempt} failed`;
  const attempt = `attempt ${life.attempt + 1} of ${spec.retry.max_attempts}`;
  if (isOut(task, around)) {
    const again = sentOut(`It has been sent out for ${attempt}`, task, around);
    return { ...again, lines: [`Before, ${failed}.`, ...ranLines(task, around), ...again.lines] };
  }
  const summary =
    next > around.now
      ? `It backs off after ${failed}; ${attempt} is due ${until(next, around.now)}.`
      : `Its backoff is over after ${failed}; ${attempt} waits for its turn to be sent out.`;
  return {
    summary,
    lines: [
      ...limitedLines(next, around),
      ...ranLines(task, around),
      ...placementLines(life.placement, spec),
      expiryLine(task, around.now),
    ],
  };
};

/** It has been sent, and the lease of that dispatch still runs; the state is the one of before. */
export function isOut({ life }: TaskControl, { now }: Surroundings): boolean {
  return life.dispatchNo > life.settledNo && life.dueAt !== null && life.dueAt > now;
}

/** The usual case is a queue: LE writes down where a task stands a moment later, and that it has been lost is rare. */
function sentOut(how: string, task: TaskControl, around: Surroundings): Explanation {
  const again = until(task.life.dueAt ?? around.now, around.now);
  return {
    summary: `${how}: it is being placed, or waits in the queue of a pool already.`,
    lines: [
      `Where it stands is usually told within seconds; if nobody has told by then, it is sent once more ${again}.`,
      expiryLine(task, around.now),
    ],
  };
}

/** Its lease has run out. */
function unheardLines({ life }: TaskControl): string[] {
  if (life.dispatchNo <= life.settledNo) return [];
  return ['It was sent out before, and nobody has told where it went: it is sent once more.'];
}

function turnLine({ spec }: TaskControl, { due }: Surroundings): string {
  const backlog =
    due === null ? '' : `; ${counted(due, 'task')} of its type and region are due, it among them`;
  return `Higher priorities go first, then the older ones: its priority is ${spec.priority}${backlog}.`;
}

function limitLines({ spec: { limit } }: TaskControl): string[] {
  return limit === undefined ? [] : [`No more tasks are sent out than ${limitInWords(limit)} allows.`];
}

/** Of a task that is due for another reason than that it is new. */
function limitedLines(dueAt: number, { limited, now }: Surroundings): string[] {
  return limited === null || dueAt > now ? [] : [`It is due, and ${limited}.`];
}

const nobody = /^no_eligible_worker: /;

/** What IC has said of each pool stands on a line of its own. */
function reasonInWords(reason: string | null): { headline: string; details: string[] } {
  if (reason === null) return { headline: 'why is not known', details: [] };
  if (!nobody.test(reason)) return { headline: reason, details: [] };
  const [first = '', ...others] = reason.replace(nobody, '').split('; ');
  if (others.length === 0) return { headline: `no pool can take it now (${first})`, details: [] };
  const headline = 'none of the pools of its type can take it now';
  return { headline, details: [first, ...others].map((pool) => `Ruled out: ${pool}.`) };
}

/** The region that it has to run in is away: that is why nobody takes it. */
function regionLines(task: TaskControl, around: Surroundings): string[] {
  const region = wantedRegion(task, around);
  const status = region === null ? null : around.statusOf(region);
  if (region === null || status === null || status === 'online' || status === 'degraded') return [];
  const follows =
    task.spec.region === 'active'
      ? 'the task stays with it until another region becomes the active one'
      : 'the task is pinned there, and waits until the region is back';
  const state =
    status === 'unknown'
      ? `Nobody hears of the nodes of region ${region}`
      : `Region ${region} is in state ${status}`;
  return [`${state}: ${follows}.`];
}

function wantedRegion({ spec }: TaskControl, { activeRegion }: Surroundings): string | null {
  if (spec.region === 'any') return null;
  return spec.region === 'active' ? activeRegion : spec.region;
}

function regionInWords(task: TaskControl, around: Surroundings): string {
  const region = wantedRegion(task, around);
  if (task.spec.region === 'any') return 'any region';
  if (task.spec.region !== 'active') return `region ${region}`;
  return region === null ? 'the active region' : `the active region, ${region}`;
}
