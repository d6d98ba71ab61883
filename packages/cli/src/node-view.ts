import type { Node, Observation } from '@tenma/protocol';
import { formatDuration } from './duration.ts';
import { statusOf } from './region-view.ts';
import { formatSections, formatTable, oneLine } from './table.ts';
import { prettyJson } from './task-view.ts';

const columns = ['node', 'region', 'type', 'status', 'endpoint', 'seen_by', 'since', 'reason'] as const;

/** One line a node. */
export function nodeTable(nodes: readonly Node[]): string {
  return formatTable(
    columns,
    nodes.map((node) => ({
      node: node.node_id,
      region: node.region_id,
      type: node.node_type,
      status: statusOf(node),
      endpoint: node.endpoint,
      seen_by: seenBy(node),
      since: node.status_since,
      reason: node.status_reason ?? '',
    })),
  );
}

/** How many observers see it up, of all that look. */
function seenBy({ observers }: Node): string {
  if (observers.length === 0) return '';
  return `${observers.filter(({ sees }) => sees === 'up').length}/${observers.length} up`;
}

/** Everything about one node, with who sees what, and the last probes. */
export function nodeSections(node: Node, results: readonly Observation[]): string {
  const labels = Object.entries(node.labels).map(([key, value]) => `${key}=${value}`);
  return formatSections([
    ['node', node.node_id],
    ['region', node.region_id],
    ['type', node.node_type],
    ['endpoint', oneLine(node.endpoint)],
    ['status', statusOf(node)],
    ['reason', node.status_reason === null ? undefined : oneLine(node.status_reason)],
    ['since', node.status_since],
    ['labels', labels.length > 0 ? oneLine(labels.join(' ')) : undefined],
    ['probe', probeOf(node)],
    ['created', node.created_at],
    ['updated', node.updated_at],
    ['observers', table(observerTable(node))],
    ['results', table(resultTable(results))],
  ]);
}

function probeOf({ probe }: Node): string {
  const { type = 'by its type', interval_ms, input, enabled = true } = probe;
  const pace =
    interval_ms === undefined ? 'at the pace of its region' : `every ${formatDuration(interval_ms)}`;
  const words = enabled ? `${type}, ${pace}` : 'off';
  return input === undefined ? words : `${words}, input ${prettyJson(input).replaceAll(/\s+/g, ' ')}`;
}

function observerTable({ observers }: Node): string {
  return formatTable(
    ['observer', 'sees', 'failures', 'at', 'reason'],
    observers.map(({ observer, sees, failures, at, reason }) => ({
      observer,
      sees,
      failures: String(failures),
      at: at ?? '',
      reason: reason ?? '',
    })),
  );
}

function resultTable(results: readonly Observation[]): string {
  return formatTable(
    ['at', 'observer', 'outcome', 'round_trip', 'reason', 'task'],
    results.map(({ at, observer, outcome, round_trip_ms, reason, task_id }) => ({
      at: new Date(at).toISOString(),
      observer,
      outcome,
      round_trip: round_trip_ms === null ? '' : `${round_trip_ms.toFixed(1)} ms`,
      reason: reason ?? '',
      task: task_id,
    })),
  );
}

/** A table as the value of a section: below its name even when it is one line long. */
function table(text: string): string {
  return text === '' ? 'none' : text.trimEnd();
}
