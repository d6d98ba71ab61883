import type { FailoverEvent, Region } from '@tenma/protocol';
import { formatDuration } from './duration.ts';
import { formatSections, formatTable, oneLine } from './table.ts';

/** What a failover would do, or did, with who saw what. */
export function failoverSections(event: FailoverEvent, regions: readonly Region[]): string {
  const { evidence } = event;
  const rejected = evidence.rejected.map(({ region_id, reason }) => oneLine(`${region_id}: ${reason}`));
  const nodes = evidence.nodes.map(({ node_id, status, observers }) => {
    const seen = observers.map(({ observer, sees }) => `${observer} sees ${sees}`);
    return oneLine(`${node_id}: ${status}${seen.length > 0 ? ` (${seen.join(', ')})` : ''}`);
  });
  return formatSections([
    ['from', describe(event.from_region, regions)],
    ['to', describe(event.to_region, regions)],
    ['passed over', several(rejected)],
    ['reason', oneLine(event.reason)],
    ['by', oneLine(event.triggered_by)],
    ['nodes left', several(nodes)],
    ['tasks', event.dry_run ? undefined : `${event.replaced_tasks} placed anew`],
    ['epoch', event.dry_run ? `${event.epoch}, to be ${event.epoch + 1}` : String(event.epoch)],
    ['event', event.dry_run ? undefined : event.event_id],
  ]);
}

function describe(id: string, regions: readonly Region[]): string {
  const region = regions.find(({ region_id }) => region_id === id);
  if (region === undefined) return id;
  return `${id} (${region.status}, priority ${region.priority}, ${region.node_count} nodes)`;
}

function several(lines: readonly string[]): string | undefined {
  return lines.length === 0 ? undefined : lines.join('\n');
}

const columns = ['when', 'from', 'to', 'epoch', 'by', 'reason', 'result', 'took', 'tasks', 'event'] as const;

/** One line a failover. `took`: from when the region was found offline. */
export function failoverTable(events: readonly FailoverEvent[]): string {
  return formatTable(
    columns,
    events.map((event) => ({
      when: event.timestamp,
      from: event.from_region,
      to: event.to_region,
      epoch: String(event.epoch),
      by: event.triggered_by,
      reason: event.reason,
      result: resultOf(event),
      took: took(event),
      tasks: String(event.replaced_tasks),
      event: event.event_id,
    })),
  );
}

/** One failover in one line. */
export function failoverLine(event: FailoverEvent): string {
  const { timestamp, from_region, to_region, triggered_by, reason, epoch } = event;
  const how = `${triggered_by}: ${reason}, epoch ${epoch}, ${resultOf(event)}`;
  return oneLine(`${timestamp}  ${from_region} → ${to_region}  ${how}`);
}

function resultOf({ success, dry_run }: FailoverEvent): string {
  return `${success ? 'done' : 'failed'}${dry_run ? ' (dry run)' : ''}`;
}

function took({ detected_at, timestamp }: FailoverEvent): string {
  return detected_at === null ? '' : formatDuration(Date.parse(timestamp) - Date.parse(detected_at));
}
