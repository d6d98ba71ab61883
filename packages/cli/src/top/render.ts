import type { Pool } from '@tenma/client';
import type { Node, NodeStatus, Region, RegionStatus } from '@tenma/protocol';
import { formatDuration } from '../duration.ts';
import { failoverLine } from '../failover-view.ts';
import { nodesOf, statusOf } from '../region-view.ts';
import { formatTable, oneLine } from '../table.ts';
import type { WindowSize } from '../terminal.ts';
import { layOut, type Line, type Section, type Tone } from './layout.ts';
import { type TaskGist, tasksShown, type TopSnapshot } from './snapshot.ts';

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
    regionSection(snapshot, now),
    nodeSection(snapshot, now),
    poolSection(snapshot.pools),
    runningSection(snapshot.running, now),
    waitingSection(snapshot.waiting, now),
  ];
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

function regionSection({ regions, status }: TopSnapshot, now: number): Section {
  const inOrder = [...regions].sort((a, b) => a.priority - b.priority);
  return section(
    'REGIONS',
    ['region', 'status', 'active', 'nodes', 'for', 'reason'],
    inOrder.map((region: Region) => ({
      tone: regionTones[region.status],
      cells: {
        region: region.region_id,
        status: statusOf(region),
        active: region.active ? '★' : '',
        nodes: nodesOf(region, status),
        for: since(region.status_since, now),
        reason: region.status_reason ?? '',
      },
    })),
  );
}

const nodeOrder: readonly NodeStatus[] = ['offline', 'unknown', 'maintenance', 'online'];
const nodeTones: Readonly<Record<NodeStatus, Tone | undefined>> = {
  online: undefined,
  offline: 'bad',
  unknown: 'warning',
  maintenance: 'quiet',
};

function nodeSection({ nodes, status }: TopSnapshot, now: number): Section {
  const worstFirst = [...nodes].sort(
    (a, b) => nodeOrder.indexOf(a.status) - nodeOrder.indexOf(b.status) || a.node_id.localeCompare(b.node_id),
  );
  const title =
    nodes.length === 0 ? `NODES  all ${status.total_nodes} online` : `NODES NOT ONLINE  ${nodes.length}`;
  return section(
    title,
    ['node', 'region', 'status', 'for', 'seen_by', 'reason'],
    worstFirst.map((node: Node) => ({
      tone: nodeTones[node.status],
      cells: {
        node: node.node_id,
        region: node.region_id,
        status: statusOf(node),
        for: since(node.status_since, now),
        seen_by: node.observers.map(({ observer, sees }) => `${observer}: ${sees}`).join(', '),
        reason: node.status_reason ?? '',
      },
    })),
  );
}

/** Fullest first. */
function poolSection(pools: readonly Pool[]): Section {
  const load = (pool: Pool) => pool.backlog + (pool.queued ?? 0) + pool.held + pool.running;
  const busiest = [...pools].sort((a, b) => load(b) - load(a) || a.pool.localeCompare(b.pool));
  return section(
    pools.length === 0 ? 'POOLS  none' : 'POOLS',
    ['pool', 'region', 'running', 'slots', 'held', 'queued', 'backlog', 'wees'],
    busiest.map((pool) => ({
      tone: pool.wees.length === 0 ? 'bad' : pool.running >= pool.slots ? 'warning' : undefined,
      cells: {
        pool: pool.pool,
        region: pool.region,
        running: String(pool.running),
        slots: String(pool.slots),
        held: String(pool.held),
        queued: pool.queued === null ? '' : String(pool.queued),
        backlog: String(pool.backlog),
        wees: String(pool.wees.length),
      },
    })),
  );
}

function runningSection(tasks: readonly TaskGist[], now: number): Section {
  return section(
    `RUNNING  ${countOf(tasks)}`,
    ['for', 'type', 'task', 'region', 'attempt', 'worker'],
    tasks.map((task) => ({
      tone: undefined,
      cells: {
        for: since(task.started_at ?? task.created_at, now),
        type: task.type,
        task: task.id,
        region: task.region,
        attempt: `${task.attempt}/${task.max_attempts}`,
        worker: task.worker ?? '',
      },
    })),
  );
}

function waitingSection(tasks: readonly TaskGist[], now: number): Section {
  return section(
    `NOT STARTED  ${countOf(tasks)}`,
    ['state', 'for', 'type', 'task', 'region', 'attempt', 'reason'],
    tasks.map((task) => ({
      tone: task.state === 'waiting' || task.state === 'retrying' ? 'warning' : undefined,
      cells: {
        state: task.state,
        for: since(task.created_at, now),
        type: task.type,
        task: task.id,
        region: task.region,
        attempt: `${task.attempt}/${task.max_attempts}`,
        reason: task.reason ?? '',
      },
    })),
  );
}

function countOf(tasks: readonly TaskGist[]): string {
  return tasks.length < tasksShown ? String(tasks.length) : `${tasks.length} and more`;
}

function section<Name extends string>(
  title: string,
  names: readonly Name[],
  rows: readonly { tone: Tone | undefined; cells: Readonly<Record<NoInfer<Name>, string>> }[],
): Section {
  const table = formatTable(
    names,
    rows.map(({ cells }) => cells),
  );
  const [head = '', ...lines] = table.split('\n');
  return { title, head, rows: rows.map(({ tone }, index) => ({ text: lines[index] ?? '', tone })) };
}

function since(timestamp: string, now: number): string {
  return formatDuration(Math.max(0, now - Date.parse(timestamp)));
}
