import type { Schedule } from '@tenma/protocol';
import { formatDuration } from './duration.ts';
import { formatTable } from './table.ts';

const columns = ['schedule', 'task', 'region', 'when', 'splay', 'state', 'next', 'updated'] as const;

/** One line a schedule. */
export function scheduleTable(schedules: readonly Schedule[]): string {
  return formatTable(
    columns,
    schedules.map((schedule) => ({
      schedule: schedule.schedule_id,
      task: schedule.task.type,
      region: schedule.task.region,
      when: whenOf(schedule),
      splay: schedule.splay_ms === 0 ? '' : formatDuration(schedule.splay_ms),
      state: schedule.paused ? 'paused' : 'on',
      next: schedule.paused ? '' : (schedule.next_slot_at ?? ''),
      updated: schedule.updated_at,
    })),
  );
}

function whenOf({ every_ms, cron, timezone }: Schedule): string {
  if (every_ms !== null) return `every ${formatDuration(every_ms)}`;
  return `${cron ?? ''} (${timezone})`;
}
