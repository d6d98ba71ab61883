import { isTerminal, type NodeRecord, type Problem, probeTypeOf, problem, taskStates } from '@tenma/protocol';
import type { Results } from '@tenma/results';
import type { Log } from '@tenma/runtime';
import type { Store } from '@tenma/store';
import { type Answer, changeDocuments, type Plan } from './documents/change-documents.ts';
import type { DocumentCache } from './documents/document-cache.ts';
import type { FleetWatch } from './fleet-watch.ts';
import { rememberedTypes } from './remembered-types.ts';
import type { TaskTypes } from './task-types.ts';
import { goneAfterMs } from './type-sights.ts';
import { unknownType } from './unknown-type.ts';

interface Components {
  readonly store: Pick<Store, 'list' | 'taskTypes'>;
  readonly documents: DocumentCache;
  readonly types: TaskTypes;
  readonly fleet: Pick<FleetWatch, 'view'>;
  readonly results: Pick<Results, 'status'>;
  readonly log: Pick<Log, 'info'>;
}

/**
 * Every replica forgets a type: its release, rejected versions included, and its schemas. Refused as long as a WEE
 * announces it or did so just now, something submits it, or tasks of it are unfinished. What failed half-way can be done
 * again. A task or a schedule that is submitted at the same moment may get through: such a task waits until it expires.
 * @throws StoreUnavailableError
 */
export async function retireType(components: Components, type: string): Promise<Answer<null>> {
  const { documents, types, log } = components;
  if (!(await isKnown(components, type))) return { problem: unknownType(types, type) };
  const inUse = () => announced(components, type) ?? submitted(components, type);
  const refusal = inUse() ?? (await unfinished(components, type)) ?? justGone(types, type);
  if (refusal) return { problem: refusal };
  const done = await changeDocuments(documents, (): Plan<null> | { problem: Problem } => {
    const meanwhile = inUse() ?? justGone(types, type);
    if (meanwhile) return { problem: meanwhile };
    // Also where there is none: the deletion is what other replicas hear of.
    const expected = documents.get('release', type)?.version ?? 0;
    return { value: null, writes: [{ kind: 'release', id: type, expected, value: null }] };
  });
  if ('problem' in done) return done;
  await types.forget(type);
  log.info({ type }, 'a type was forgotten');
  return done;
}

/** Without a release, and not known here, it may stand in the store all the same: of an attempt that was cut off. */
async function isKnown({ store, documents, types }: Components, type: string): Promise<boolean> {
  if (types.get(type) !== undefined || documents.get('release', type) !== undefined) return true;
  return (await rememberedTypes(store)).some((one) => one.type === type);
}

/** A WEE that has it, also one that drains, would make it known anew, without what was found out about its versions. */
function announced({ fleet, results }: Components, type: string): Problem | null {
  if (results.status !== 'connected') {
    const detail = `while MQTT is away nobody can tell whether a WEE has ${type}`;
    return problem('invalid_state', {
      detail,
      hint: '/readyz says what is down; try again when it is back.',
    });
  }
  const wees = [...fleet.view.wees.values()]
    .map(({ presence }) => presence)
    .filter(({ types }) => types.some((one) => one.type === type))
    .map(({ wee_id: id }) => id);
  if (wees.length === 0) return null;
  const detail = `WEEs have ${type}: ${listed(wees)}`;
  const hint = 'They would announce it again: stop them, or start them anew without its worker, first.';
  return problem('invalid_state', { detail, hint });
}

/** Who starts anew is away for some seconds, and who has just begun to look has not seen everybody. */
function justGone({ sights }: TaskTypes, type: string): Problem | null {
  const absentMs = sights.absentForMs(type);
  const retryAfterMs = goneAfterMs - absentMs;
  if (retryAfterMs <= 0) return null;
  const ago = Math.floor(absentMs / 1_000);
  const detail = `a WEE may have had ${type} until ${ago} s ago, and only be starting anew`;
  return problem('invalid_state', {
    detail,
    hint: `Try again in ${Math.ceil(retryAfterMs / 1_000)} s.`,
    retryAfterMs,
  });
}

async function unfinished({ store }: Components, type: string): Promise<Problem | null> {
  const states = taskStates.filter((state) => !isTerminal(state));
  const { items, next } = await store.list({ type, states }, { size: 1, after: null });
  const [task] = items;
  if (task === undefined) return null;
  const one = `${task.spec.id} (${task.life.state})`;
  const detail =
    next === null ? `a task of ${type} is unfinished: ${one}` : `tasks of ${type} are unfinished: ${one}, …`;
  const list = `GET /api/v1/tasks?type=${type}&state=${states.join()}`;
  return problem('invalid_state', {
    detail,
    hint: `Cancel them, or wait for their ends: ${list} lists them.`,
  });
}

/** `remedy`: what keeps it from submitting the type. */
interface Submitter {
  readonly name: string;
  readonly remedy: string;
}

function submitted({ documents, types }: Components, type: string): Problem | null {
  const found = [
    ...schedulesOf(documents, type),
    ...policiesOf(documents, type),
    ...nodesOf(documents, types, type),
  ];
  if (found.length === 0) return null;
  const detail = `${type} is submitted by ${listed(found.map(({ name }) => name))}`;
  const remedies = listed(found.map(({ remedy }) => remedy));
  return problem('invalid_state', {
    detail,
    hint: `End that, or have them submit another type: ${remedies}.`,
  });
}

/** Paused ones, too: they would be resumed to no avail. */
function schedulesOf(documents: DocumentCache, type: string): Submitter[] {
  return [...documents.all('schedule')]
    .filter(([, { value }]) => value.task.type === type)
    .map(([id, { value }]) => ({
      name: `the ${value.paused ? 'paused ' : ''}schedule ${id}`,
      remedy: `DELETE /api/v1/schedules/${id}`,
    }));
}

/** Nobody can delete those that are built in: it is enough that they are off. */
function policiesOf(documents: DocumentCache, type: string): Submitter[] {
  return [...documents.all('policy')]
    .filter(([, { value }]) => value.then.type === type && (value.enabled || !value.built_in))
    .map(([id, { value }]) => {
      const path = `/api/v1/policies/${id}`;
      const remedy = value.built_in ? `PATCH ${path} {"enabled": false}` : `DELETE ${path}`;
      return { name: `the ${value.enabled ? '' : 'disabled '}policy ${id}`, remedy };
    });
}

/** Also those whose probes are off. */
function nodesOf(documents: DocumentCache, types: TaskTypes, type: string): Submitter[] {
  return [...documents.all('node')]
    .filter(([, { value }]) => probeTypeOf(value) === type)
    .map(([id, { value }]) => ({
      name: `the probes of the node ${id}`,
      remedy: probeRemedy(types, value),
    }));
}

/** The probe that the node would have by its type is gentler than its end, where that is another one that is known. */
function probeRemedy(types: TaskTypes, { node_id: id, node_type, probe }: NodeRecord): string {
  const remove = `DELETE /api/geo/nodes/${id}`;
  const usual = probeTypeOf({ node_type, probe: {} });
  if (usual === probe.type || probe.type === undefined || !types.get(usual)) return remove;
  const { enabled } = probe;
  const patch = JSON.stringify({ probe: enabled === undefined ? {} : { enabled } });
  return `PATCH /api/geo/nodes/${id} ${patch.replaceAll(':', ': ')} (or ${remove})`;
}

const listedMax = 5;

function listed(names: readonly string[]): string {
  const more = names.length > listedMax ? ` and ${names.length - listedMax} more` : '';
  return `${names.toSorted().slice(0, listedMax).join(', ')}${more}`;
}
