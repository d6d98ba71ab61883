import type { Task, TaskState } from '@tenma/protocol';
import { taskPageReader } from './records.ts';
import type { Transport } from './transport.ts';

/** All conditions hold for a task that is listed. */
export interface ListOptions {
  /** Any of these. */
  state?: TaskState | readonly TaskState[];
  type?: string;
  region?: string;
  labels?: Readonly<Record<string, string>>;
  createdAfter?: Date | string;
  createdBefore?: Date | string;
  /** Tasks fetched at a time, at most 1,000. */
  pageSize?: number;
  /** Stops after this many. Default: all. */
  limit?: number;
  signal?: AbortSignal;
}

/** Tasks, newest first, fetched page by page as they are taken. */
export async function* listTasks(
  transport: Transport,
  options: ListOptions = {},
): AsyncGenerator<Task, void, undefined> {
  const { limit = Infinity } = options;
  const pageSize = Math.min(options.pageSize ?? 100, limit, 1_000);
  let given = 0;
  let pageToken: string | null = null;
  if (limit <= 0) return;
  do {
    const query: URLSearchParams = filterQuery(options, pageSize);
    if (pageToken !== null) query.set('page_token', pageToken);
    const path = `/api/v1/tasks?${query.toString()}`;
    const answer = await transport.call(
      { method: 'GET', path, signal: options.signal, repeat: 'always' },
      taskPageReader,
    );
    for (const task of answer.data.items) {
      yield task;
      given += 1;
      if (given >= limit) return;
    }
    pageToken = answer.data.next_page_token || null;
  } while (pageToken !== null);
}

function filterQuery(options: ListOptions, pageSize: number): URLSearchParams {
  const query = new URLSearchParams({ page_size: String(pageSize) });
  const states = typeof options.state === 'string' ? [options.state] : (options.state ?? []);
  if (states.length > 0) query.set('state', states.join(','));
  if (options.type !== undefined) query.set('type', options.type);
  if (options.region !== undefined) query.set('region', options.region);
  for (const [key, value] of Object.entries(options.labels ?? {})) query.append('label', `${key}:${value}`);
  if (options.createdAfter !== undefined) query.set('created_after', moment(options.createdAfter));
  if (options.createdBefore !== undefined) query.set('created_before', moment(options.createdBefore));
  return query;
}

function moment(at: Date | string): string {
  return at instanceof Date ? at.toISOString() : at;
}
