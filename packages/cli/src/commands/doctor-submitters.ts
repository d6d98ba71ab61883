import {
  type Node,
  type Policy,
  type Presence,
  probeTypeOf,
  type Schedule,
  type TaskType,
} from '@tenma/protocol';
import type { Check } from './doctor-check.ts';
import { versionsRun } from './doctor-types.ts';

/** What submits tasks by itself. */
interface Submitters {
  readonly policies: readonly Policy[];
  readonly schedules: readonly Schedule[];
  readonly nodes: readonly Node[];
}

interface Need {
  readonly type: string;
  readonly who: string;
  /** The command that ends it. */
  readonly end: string;
}

/**
 * What submits types that nobody runs; no check where there is no such thing. Nor where no WEE is present at all: then
 * nothing is run, which other checks say.
 */
export function checkSubmitters(
  submitters: Submitters,
  types: readonly TaskType[],
  workers: readonly Presence[],
): Check[] {
  if (workers.length === 0) return [];
  const needs = needsOf(submitters).filter(({ type }) => versionsRun(workers, type).length === 0);
  if (needs.length === 0) return [];
  const needed = new Set(needs.map(({ type }) => type));
  const notRun = types.filter(({ type }) => needed.has(type));
  const unknown = [...needed].filter((type) => notRun.every((one) => one.type !== type));
  const withNeeds = (type: string) => neededBy(needs, type);
  const faults = [
    ...told('LE does not know', unknown.map(withNeeds)),
    ...told(
      'no WEE runs',
      notRun.map(({ type }) => withNeeds(type)),
    ),
  ];
  return [
    {
      name: 'submitters',
      status: 'warning',
      detail: faults.join('; '),
      hint: `${startHint(unknown)}, or end what needs it: ${listed(needs.map(({ end }) => end))}`,
      ...(unknown.length === 0 ? {} : { unknown }),
      ...(notRun.length === 0 ? {} : { not_run: notRun.map(({ type, version }) => `${type}@${version}`) }),
    },
  ];
}

/** What is off, paused or in maintenance submits nothing. */
function needsOf({ policies, schedules, nodes }: Submitters): Need[] {
  return [
    ...policies
      .filter(({ enabled }) => enabled)
      .map(({ policy_id: id, then }) => ({
        type: then.type,
        who: `the policy ${id}`,
        end: `tenma policy disable ${id}`,
      })),
    ...schedules
      .filter(({ paused }) => !paused)
      .map(({ schedule_id: id, task }) => ({
        type: task.type,
        who: `the schedule ${id}`,
        end: `tenma schedule pause ${id}`,
      })),
    ...nodes
      .filter(({ probe, status }) => probe.enabled !== false && status !== 'maintenance')
      .map((node) => ({
        type: probeTypeOf(node),
        who: `the probes of the node ${node.node_id}`,
        end: `tenma node edit ${node.node_id} --probes off`,
      })),
  ];
}

function neededBy(needs: readonly Need[], type: string): string {
  return `${type} (for ${listed(needs.filter((need) => need.type === type).map(({ who }) => who))})`;
}

function told(what: string, types: readonly string[]): string[] {
  return types.length === 0 ? [] : [`${what} ${types.join(', ')}`];
}

function startHint(unknown: readonly string[]): string {
  const start = 'Start a WEE that has it';
  if (unknown.length === 0) return start;
  return `${start} (TENMA_WORKERS has to name @tenma/workers, too, for what is built in)`;
}

const listedMax = 5;

function listed(names: readonly string[]): string {
  const more = names.length > listedMax ? ` and ${names.length - listedMax} more` : '';
  return `${names.slice(0, listedMax).join(', ')}${more}`;
}
