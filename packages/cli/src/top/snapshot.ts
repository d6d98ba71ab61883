import type { Client, Pool } from '@tenma/client';
import {
  type FailoverEvent,
  type GeoStatus,
  type Node,
  type NodeStatus,
  type Region,
  type Task,
  type TaskState,
} from '@tenma/protocol';

/** What `top` tells of a task; inputs and outputs would be most of a snapshot. */
export type TaskGist = Pick<
  Task,
  'id' | 'type' | 'state' | 'reason' | 'attempt' | 'max_attempts' | 'created_at' | 'started_at' | 'worker'
> & { region: string };

/** The fabric at one moment. */
export interface TopSnapshot {
  at: string;
  status: GeoStatus;
  regions: Region[];
  /** Those that are not online, the worst first: at most {@link nodesShown}. `status` counts them all. */
  nodes: Node[];
  pools: Pool[];
  /** Newest first, at most {@link tasksShown}. */
  running: TaskGist[];
  /** Not started: newest first, at most {@link tasksShown}. */
  waiting: TaskGist[];
  last_failover: FailoverEvent | null;
}

/** More of them fit on no screen, and asking for them costs LE more. */
export const tasksShown = 100;
export const nodesShown = 200;

/** Of nodes that are not online: those that have to be looked after come first. */
const worstFirst: readonly NodeStatus[] = ['offline', 'unknown', 'maintenance'];

const notStarted: readonly TaskState[] = ['accepted', 'queued', 'waiting', 'retrying'];

/** @throws TenmaError, or the signal's reason */
export async function readSnapshot(
  { geo, tasks, pools }: Pick<Client, 'geo' | 'tasks' | 'pools'>,
  now: () => number,
  signal: AbortSignal,
): Promise<TopSnapshot> {
  const options = { signal };
  const at = new Date(now()).toISOString();
  const some = async (state: readonly TaskState[]) =>
    (await Array.fromAsync(tasks.list({ state, limit: tasksShown, ...options }))).map(gistOf);
  const status = await geo.status(options);
  const [regions, nodes, allPools, running, waiting, events] = await Promise.all([
    geo.listRegions(options),
    nodesInTrouble(geo, status, options),
    pools(options),
    some(['running']),
    some(notStarted),
    geo.failoverHistory({ limit: 1, ...options }),
  ]);
  return { at, status, regions, nodes, pools: allPools, running, waiting, last_failover: events[0] ?? null };
}

/** Asks for no more nodes than there are to show: where all are online for none, and there may be thousands. */
async function nodesInTrouble(
  geo: Client['geo'],
  { total_nodes, online_nodes }: GeoStatus,
  options: { signal: AbortSignal },
): Promise<Node[]> {
  const wanted = Math.min(nodesShown, total_nodes - online_nodes);
  const nodes: Node[] = [];
  for (const status of worstFirst) {
    const limit = wanted - nodes.length;
    if (limit <= 0) break;
    nodes.push(...(await geo.listNodes({ status, limit, ...options })));
  }
  return nodes;
}

function gistOf(task: Task): TaskGist {
  const { id, type, state, reason, attempt, max_attempts, created_at, started_at, worker } = task;
  const region = task.placement?.region ?? task.region;
  return { id, type, state, region, reason, attempt, max_attempts, created_at, started_at, worker };
}
