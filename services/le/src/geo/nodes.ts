import {
  isDeeperThan,
  limits,
  type NewNode,
  type NodePatch,
  type NodeRecord,
  problem,
  type Problem,
  timestamp,
} from '@tenma/protocol';
import type { Log } from '@tenma/runtime';
import type { Store } from '@tenma/store';
import { type Answer, changeDocuments, type Plan } from '../documents/change-documents.ts';
import type { DocumentCache, Write } from '../documents/document-cache.ts';
import { probeOf } from '../observe/node-probe.ts';
import { tooDeep } from '../task-template.ts';
import type { TaskTypes } from '../task-types.ts';
import { unknownType } from '../unknown-type.ts';
import { unknownRegion } from './known-regions.ts';
import type { RegistryComponents } from './regions.ts';

interface CheckedComponents extends RegistryComponents {
  readonly types: TaskTypes;
}

interface StoredComponents extends RegistryComponents {
  readonly store: Pick<Store, 'forgetObservations'>;
  readonly log: Log;
}

/**
 * Writes over the region of the node, which is what keeps it from being deleted at the same moment.
 * @throws StoreUnavailableError, as all verbs of the registry do
 */
export async function createNode(
  { documents, clock, types, inTurn }: CheckedComponents,
  wanted: NewNode,
): Promise<Answer<NodeRecord>> {
  const { node_id: id, region_id: regionId } = wanted;
  const wrong = probeFault(types, wanted);
  if (wrong) return { problem: wrong };
  const decide = (): Plan<NodeRecord> | { problem: Problem } => {
    const region = documents.get('region', regionId);
    if (!region) return { problem: unknownRegion(documents, regionId) };
    if (documents.get('node', id)) {
      return { problem: problem('already_exists', { detail: `there is a node ${id} already` }) };
    }
    const now = timestamp(clock.now());
    const value: NodeRecord = { ...wanted, created_at: now, updated_at: now };
    return {
      value,
      writes: [
        { kind: 'region', id: regionId, expected: region.version, value: region.value },
        { kind: 'node', id, expected: 0, value },
        ...forgetNode(documents, id),
      ],
    };
  };
  return inTurn(() => changeDocuments(documents, decide));
}

export async function updateNode(
  { documents, clock, types, inTurn }: CheckedComponents,
  id: string,
  patch: NodePatch,
): Promise<Answer<NodeRecord>> {
  const decide = (): Plan<NodeRecord> | { problem: Problem } => {
    const known = documents.get('node', id);
    if (!known) return { problem: unknownNode(id) };
    if (Object.keys(patch).length === 0) return { value: known.value, writes: [] };
    // It was JSON: what is not said is not there.
    const said = patch as Partial<NodeRecord>;
    const value = { ...known.value, ...said, updated_at: timestamp(clock.now()) };
    const wrong = said.probe || said.node_type ? probeFault(types, value) : null;
    if (wrong) return { problem: wrong };
    return { value, writes: [{ kind: 'node', id, expected: known.version, value }] };
  };
  return inTurn(() => changeDocuments(documents, decide));
}

export async function deleteNode(components: StoredComponents, id: string): Promise<Answer<null>> {
  const { documents, inTurn } = components;
  const decide = (): Plan<null> | { problem: Problem } => {
    const known = documents.get('node', id);
    if (!known) return { problem: unknownNode(id) };
    const writes: Write[] = [{ kind: 'node', id, expected: known.version, value: null }];
    return { value: null, writes: [...writes, ...forgetNode(documents, id)] };
  };
  const answer = await inTurn(() => changeDocuments(documents, decide));
  if ('value' in answer) await forgetResults(components, [id]);
  return answer;
}

/** What was found out about a node of this id: the next one begins without it. */
export function forgetNode(documents: DocumentCache, id: string): Write[] {
  if (!documents.get('node-verdict', id)) return [];
  return [{ kind: 'node-verdict', id, expected: 'any', value: null }];
}

/** The nodes have gone already: that their results could not be deleted takes nothing back. */
export async function forgetResults(
  { store, log }: Pick<StoredComponents, 'store' | 'log'>,
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) return;
  await store
    .forgetObservations(ids)
    .catch((error: unknown) => log.warn({ err: error, nodes: ids.length }, 'results of deleted nodes stay'));
}

export function unknownNode(id: string): Problem {
  return problem('unknown_node', { detail: `there is no node ${id}` });
}

/** For the input to be compared with the schema of its type any timeout will do. */
const someTimeoutMs = 1_000;

/** What is wrong with a probe: its type has to be known, and an input of one's own has to be one of that type. */
function probeFault(
  types: TaskTypes,
  node: Pick<NodeRecord, 'endpoint' | 'node_type' | 'probe'>,
): Problem | null {
  const { type, input } = node.probe;
  if (isDeeperThan(input ?? null, limits.jsonDepth)) return tooDeep('#/probe/input');
  if (type !== undefined && !types.get(type)) return unknownType(types, type, '#/probe/type');
  if (input === undefined) return null;
  const probe = probeOf(node, someTimeoutMs);
  const faults = types.faults(probe.type, probe.input);
  if (faults.length === 0) return null;
  const errors = faults.map(({ pointer, detail }) => ({ pointer: pointer.replace('#', '#/probe'), detail }));
  return problem('invalid_input', { errors });
}
