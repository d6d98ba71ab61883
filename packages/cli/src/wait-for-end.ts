import type { TaskHandle } from '@tenma/client';
import type { Task } from '@tenma/protocol';
import { startProgressLine } from './progress-line.ts';
import type { Session } from './session.ts';

/**
 * The task once it has ended. On a terminal a line tells what it does meanwhile, from its events; the end itself is
 * asked for, so that nothing depends on them.
 * @throws ResultTimeoutError, or the signal's reason
 */
export async function waitForEnd(
  { output }: Session,
  handle: TaskHandle,
  title: string,
  { signal, timeoutMs }: { signal: AbortSignal; timeoutMs: number | undefined },
): Promise<Task> {
  const waiting = handle.finished({ signal, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
  if (output.terminal === undefined) return waiting;
  const ended = new AbortController();
  using line = startProgressLine(output.terminal, () => void showEvents());
  line.show(title);

  async function showEvents(): Promise<void> {
    let state = '';
    try {
      for await (const event of handle.events({ signal: ended.signal })) {
        if (event.kind === 'progress') line.show(`${title} ${state} ${JSON.stringify(event.data.progress)}`);
        else line.show(`${title} ${(state = event.data.state)}`);
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
