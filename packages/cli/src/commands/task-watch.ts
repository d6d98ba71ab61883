import type { TaskEvent } from '@tenma/client';
import { InterruptedError, TaskUnsuccessfulError } from '../cli-errors.ts';
import type { CommandGroup } from '../command.ts';
import type { Session } from '../session.ts';
import { eventLine } from '../task-view.ts';

/**
 * `tenma task watch`: a line a change (with --json a line of JSON), to the end; the verdict is the task's. A task that
 * waits is looked at again and again, and told of once.
 */
export const taskWatchCommand: CommandGroup = (task, act) => {
  task
    .command('watch')
    .description('follow a task to its end')
    .argument('<id>')
    .action(act((session, [id = '']) => watchTask(session, id)));
};

async function watchTask(session: Session, id: string): Promise<void> {
  const { client, output } = session;
  const hint = `Follow it again: tenma task watch ${id}`;
  using interrupts = session.watchInterrupts(hint);
  let last: TaskEvent | undefined;
  try {
    for await (const event of client.task(id).events({ signal: interrupts.signal })) {
      if (!isNews(event, last)) continue;
      output.data(event, () => `${eventLine(event)}\n`);
      last = event;
    }
  } catch (error) {
    if (error instanceof InterruptedError)
      throw new InterruptedError(`Let go of task ${id}, which goes on`, hint);
    throw error;
  }
  if (last?.kind === 'result' && last.data.state !== 'succeeded') {
    throw new TaskUnsuccessfulError(await client.tasks.get(id));
  }
}

/** False for one that tells the same state, for the same reason, again. */
function isNews(event: TaskEvent, last: TaskEvent | undefined): boolean {
  if (event.kind !== 'state' || last?.kind !== 'state') return true;
  const { state, reason, attempt } = event.data;
  return state !== last.data.state || reason !== last.data.reason || attempt !== last.data.attempt;
}
