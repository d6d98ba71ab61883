import type { Pool } from '@tenma/client';
import type { Node, NodeStatus, Region, RegionStatus } from '@tenma/protocol';
import { formatDuration } from '../duration.ts';
import { failoverLine } from '../failover-view.ts';
import { nodesOf, statusOf } from '../region-view.ts';
import { formatTable, oneLine } from '../table.ts';
import type { WindowSize } from '../terminal.ts';
import { layOut, type Line, type Section, type Tone } from './layout.ts';
import { nodesShown, type TaskGist, tasksShown, type TopSnapshot } from './snapshot.ts';

export interface TopView {
  snapshot: TopSnapshot;
  /** Where it comes from. */
  api: string;
  /** Unix milliseconds; what is told of ages is as of now. */
  now: number;
  /** Why the snapshot is not of now. */
  fault?: string | undefined;
  /** Somebody can press keys. */
  live: boolean;
}

/** A section with a row for at most so many things. */
type List = (most: number) => Section;

/** The screen of `tenma top`: what fits of the snapshot, the worst first. */
export function renderTop(view: TopView, size: WindowSize): Line[] {
  const { snapshot, now, live } = view;
  const above = summaryOf(view);
  if (view.fault !== undefined) {
    const old = formatDuration(Math.max(0, now - Date.parse(snapshot.at)));
    above.push({ text: oneLine(`! ${view.fault}; this is ${old} old`), tone: 'bad' });
  }
  const { last_failover: last } = snapshot;
  above.push({ text: `last failover  ${last === null ? 'none' : failoverLine(last)}` });
  const sections = [
    regionList(snapshot, now),
    nodeList(snapshot, now),
    poolList(snapshot.pools),
    runningList(snapshot.running, now),
    waitingList(snapshot.waiting, now),
  ].map((list) => list(size.rows));
  const below: Line[] = live ? [{ text: 'q quits', tone: 'quiet' }] : [];
  return layOut(above, sections, below, size);
}

/** Short lines: a terminal may be 80 columns wide. */
function summaryOf({ snapshot, api }: TopView): Line[] {
  const { active_region, epoch, total_regions, online_regions, total_nodes, online_nodes, auto_failover } =
    snapshot.status;
  const summary = [
    `active ${active_region} (epoch ${epoch})`,
    `regions ${online_regions}/${total_regions}`,
    `nodes ${online_nodes}/${total_nodes}`,
    `automatic failover ${auto_failover ? 'on' : 'off'}`,
  ];
  return [
    { text: `tenma top  ${api}  ${snapshot.at}`, tone: 'quiet' },
    { text: summary.join('  '), tone: 'head' },
  ];
}

const regionTones: Readonly<Record<RegionStatus, Tone | undefined>> = {
  online: undefined,
  offline: 'bad',
  degraded: 'warning',
  maintenance: 'quiet',
  unknown: 'warning',
};

function regionList({ regions, status }: TopSnapshot, now: number): List {
  const inOrder = [...regions].sort((a, b) => a.priority - b.priority);
  return list(
    'REGIONS',
    ['region', 'status', 'active', 'nodes', 'for', 'reason'],
    inOrder,
    (region: Region) => ({
      region: region.region_id,
      status: statusOf(region),
      active: region.active ? '★' : '',
      nodes: nodesOf(region, status),
      for: since(region.status_since, now),
      reason: region.status_reason ?? '',
    }),
    { toneOf: ({ status: verdict }) => regionTones[verdict] },
  );
}

const nodeOrder: readonly NodeStatus[] = ['offline', 'unknown', 'maintenance', 'online'];
const nodeTones: Readonly<Record<NodeStatus, Tone | undefined>> = {
  online: undefined,
  offline: 'bad',
  unknown: 'warning',
  maintenance: 'quiet',
};

function nodeList({ nodes, status }: TopSnapshot, now: number): List {
  const worstFirst = [...nodes].sort(
    (a, b) => nodeOrder.indexOf(a.status) - nodeOrder.indexOf(b.status) || a.node_id.localeCompare(b.node_id),
  );
  const counted = status.total_nodes - status.online_nodes;
  // Fewer than were asked for are all there are.
  const more = nodes.length < nodesShown ? 0 : Math.max(0, counted - nodes.length);
  const title =
    nodes.length === 0
      ? `NODES  all ${status.total_nodes} online`
      : `NODES NOT ONLINE  ${nodes.length + more}`;
  return list(
    title,
    ['node', 'region', 'status', 'for', 'seen_by', 'reason'],
    worstFirst,
    (node: Node) => ({
      node: node.node_id,
      region: node.region_id,
      status: statusOf(node),
      for: since(node.status_since, now),
      seen_by: node.observers.map(({ observer, sees }) => `${observer}: ${sees}`).join(', '),
      reason: node.status_reason ?? '',
    }),
    { toneOf: ({ status: verdict }) => nodeTones[verdict], more },
  );
}

/** Fullest first. */
function poolList(pools: readonly Pool[]): List {
  const load = (pool: Pool) => pool.backlog + (pool.queued ?? 0) + pool.held + pool.running;
  const busiest = [...pools].sort((a, b) => load(b) - load(a) || a.pool.localeCompare(b.pool));
  return list(
    pools.length === 0 ? 'POOLS  none' : 'POOLS',
    ['pool', 'region', 'running', 'slots', 'held', 'queued', 'backlog', 'wees'],
    busiest,
    (pool) => ({
      pool: pool.pool,
      region: pool.region,
      running: String(pool.running),
      slots: String(pool.slots),
      held: String(pool.held),
      queued: pool.queued === null ? '' : String(pool.queued),
      backlog: String(pool.backlog),
      wees: String(pool.wees.length),
    }),
    {
      toneOf: ({ wees, running, slots }) =>
        wees.length === 0 ? 'bad' : running >= slots ? 'warning' : undefined,
    },
  );
}

function runningList(tasks: readonly TaskGist[], now: number): List {
  return list(
    `RUNNING  ${countOf(tasks)}`,
    ['for', 'type', 'task', 'region', 'attempt', 'worker'],
    tasks,
    (task) => ({
      for: since(task.started_at ?? task.created_at, now),
      type: task.type,
      task: task.id,
      region: task.region,
      attempt: `${task.attempt}/${task.max_attempts}`,
      worker: task.worker ?? '',
    }),
  );
}

function waitingList(tasks: readonly TaskGist[], now: number): List {
  return list(
    `NOT STARTED  ${countOf(tasks)}`,
    ['state', 'for', 'type', 'task', 'region', 'attempt', 'reason'],
    tasks,
    (task) => ({
      state: task.state,
      for: since(task.created_at, now),
      type: task.type,
      task: task.id,
      region: task.region,
      attempt: `${task.attempt}/${task.max_attempts}`,
      reason: task.reason ?? '',
    }),
    { toneOf: ({ state }) => (state === 'waiting' || state === 'retrying' ? 'warning' : undefined) },
  );
}

function countOf(tasks: readonly TaskGist[]): string {
  return tasks.length < tasksShown ? String(tasks.length) : `${tasks.length} and more`;
}

interface About<Item> {
  toneOf?: (item: Item) => Tone | undefined;
  /** Things that are not among the items. */
  more?: number;
}

/** Makes rows of the first `most` things only: those beyond a window need none, and there may be thousands. */
function list<Name extends string, Item>(
  title: string,
  names: readonly Name[],
  items: readonly Item[],
  cellsOf: (item: Item) => Readonly<Record<NoInfer<Name>, string>>,
  { toneOf, more = 0 }: About<Item> = {},
): List {
  return (most) => {
    const shown = items.slice(0, most);
    const [head = '', ...lines] = formatTable(names, shown.map(cellsOf)).split('\n');
    const rows = shown.map((item, index) => ({ text: lines[index] ?? '', tone: toneOf?.(item) }));
    return { title, head, rows, more: more + items.length - shown.length };
  };
}

function since(timestamp: string, now: number): string {
  return formatDuration(Math.max(0, now - Date.parse(timestamp)));
}
