import type { TaskHandle } from '@tenma/client';
import type { Task } from '@tenma/protocol';
import { startProgressLine, startQuietLine } from './progress-line.ts';
import type { Session } from './session.ts';

/**
 * The task once it has ended. On a terminal a line tells what it does meanwhile, from its events; that it waits for
 * somebody who can take it, and why, is said once, also without a terminal. The end itself is asked for, so that nothing
 * depends on the events.
 * @throws ResultTimeoutError, or the signal's reason
 */
export async function waitForEnd(
  { config, output }: Pick<Session, 'config' | 'output'>,
  handle: Pick<TaskHandle, 'id' | 'finished' | 'events'>,
  title: string,
  { signal, timeoutMs }: { signal: AbortSignal; timeoutMs: number | undefined },
): Promise<Task> {
  const waiting = handle.finished({ signal, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
  if (config.json) return waiting;
  const ended = new AbortController();
  const { terminal } = output;
  const onAppear = () => void showEvents();
  using line = terminal ? startProgressLine(terminal, onAppear) : startQuietLine(output, onAppear);
  line.show(title);

  async function showEvents(): Promise<void> {
    let state = '';
    let isTold = false;
    try {
      for await (const event of handle.events({ signal: ended.signal })) {
        if (event.kind === 'progress') line.show(`${title} ${state} ${JSON.stringify(event.data.progress)}`);
        else line.show(`${title} ${(state = event.data.state)}`);
        if (isTold || event.kind !== 'state' || event.data.state !== 'waiting') continue;
        isTold = true;
        const why = event.data.reason ?? 'nobody can take it now';
        line.note(`It waits: ${why}. More: tenma task explain ${handle.id}`);
      }
    } catch {
      // The line is a courtesy; faults are told by the wait.
    }
  }

  try {
    return await waiting;
  } finally {
    ended.abort();
  }
}
