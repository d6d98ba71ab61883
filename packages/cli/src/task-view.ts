import type { TaskEvent } from '@tenma/client';
import type { Task, TaskLimit } from '@tenma/protocol';
import { formatDuration } from './duration.ts';
import { formatSections, formatTable, oneLine } from './table.ts';

const columns = ['id', 'type', 'state', 'region', 'attempt', 'created', 'took', 'reason'] as const;

/** One line a task. */
export function taskTable(tasks: readonly Task[]): string {
  return formatTable(
    columns,
    tasks.map((task) => ({
      id: task.id,
      type: task.type,
      state: task.state,
      region: task.placement?.region ?? task.region,
      attempt: `${task.attempt}/${task.max_attempts}`,
      created: task.created_at,
      took: took(task) ?? '',
      reason: task.error?.code ?? task.reason ?? '',
    })),
  );
}

/** Everything about one task. */
export function taskSections(task: Task): string {
  const { placement, error } = task;
  const labels = Object.entries(task.labels).map(([key, value]) => `${key}=${value}`);
  const rejected = placement?.rejected.map(({ pool, reason }) => `${pool}: ${reason}`) ?? [];
  return formatSections([
    ['id', task.id],
    ['type', task.type],
    ['state', task.cancel_requested ? `${task.state} (cancel requested)` : task.state],
    ['reason', line(task.reason)],
    ['error', error ? oneLine(`${error.code}: ${error.message}`) : undefined],
    ['region', placement ? `${task.region} → ${placement.region}` : task.region],
    ['pool', placement?.pool],
    ['passed over', rejected.length > 0 ? rejected.join(', ') : undefined],
    ['worker', line(task.worker)],
    ['version', line(task.worker_version ?? null)],
    ['attempt', `${task.attempt} of ${task.max_attempts}`],
    ['priority', String(task.priority)],
    ['near', task.near ?? undefined],
    ['requires', Object.keys(task.requires).length > 0 ? JSON.stringify(task.requires) : undefined],
    ['limit', task.limit ? oneLine(limitText(task.limit)) : undefined],
    ['labels', labels.length > 0 ? oneLine(labels.join(' ')) : undefined],
    ['created', task.created_at],
    ['runs at', line(task.run_at)],
    ['started', line(task.started_at)],
    ['finished', line(task.finished_at)],
    ['took', took(task)],
    ['next attempt', line(task.next_attempt_at)],
    ['expires', line(task.expires_at)],
    ['input', prettyJson(task.input)],
    ['output', outputText(task)],
    ['details', error?.details === undefined ? undefined : prettyJson(error.details)],
  ]);
}

/** The output, or where it is. */
function outputText({ id, output, output_ref }: Task): string | undefined {
  if (output_ref) {
    return `${sizeText(output_ref.bytes)}, kept until ${output_ref.expires_at}: tenma task output ${id}`;
  }
  return output === null ? undefined : prettyJson(output);
}

function limitText({ key, per_s, concurrent }: TaskLimit): string {
  const parts = [
    per_s === undefined ? [] : [`${per_s} a second`],
    concurrent === undefined ? [] : [`${concurrent} at once`],
  ];
  return `${key}: ${parts.flat().join(', ')}`;
}

/** `3.1 MiB` */
function sizeText(bytes: number): string {
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

/** One line for people when a task that was waited for has ended. */
export function endLine(task: Task): string {
  const where = [task.placement?.region, task.worker].filter((part) => part !== undefined && part !== null);
  const place = where.length > 0 ? ` (${where.join(', ')})` : '';
  return oneLine(`${task.type} ${task.id} ${task.state} in ${took(task) ?? 'no time'}${place}`);
}

/** One line an event. */
export function eventLine(event: TaskEvent): string {
  if (event.kind === 'progress') return say(event.time, 'progress', JSON.stringify(event.data.progress));
  if (event.kind === 'state') return say(event.time, event.data.state, event.data.reason ?? '');
  const { state, output, output_ref, error } = event.data;
  if (error) return say(event.time, state, `${error.code}: ${error.message}`);
  if (output_ref) return say(event.time, state, `an output of ${sizeText(output_ref.bytes)}`);
  return say(event.time, state, output === undefined ? '' : JSON.stringify(output));
}

function say(time: string, what: string, detail: string): string {
  return `${time}  ${what.padEnd(9)}  ${oneLine(detail)}`.trimEnd();
}

/** From creation to end. */
function took(task: Task): string | undefined {
  if (task.finished_at === null) return undefined;
  return formatDuration(Date.parse(task.finished_at) - Date.parse(task.created_at));
}

function line(text: string | null): string | undefined {
  return text === null ? undefined : oneLine(text);
}

/** JSON over several lines, unless it is short; with every character escaped that could steer a terminal. */
export function prettyJson(value: unknown): string {
  const short = JSON.stringify(value) ?? '';
  const text = short.length < 60 ? short : JSON.stringify(value, null, 2);
  return text.replaceAll(/[\u007f-\u009f]/g, (char) => `\\u00${char.charCodeAt(0).toString(16)}`);
}
