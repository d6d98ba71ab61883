import type { ListOptions } from '@tenma/client';
import type { Task } from '@tenma/protocol';
import { problemOf } from '../cli-errors.ts';
import { collect, type CommandGroup } from '../command.ts';
import { type ExitCode, exitCodeOf, exitCodes } from '../exit-code.ts';
import { parseInteger, parseLabels, parseStates } from '../options.ts';
import type { Session } from '../session.ts';
import { taskSections, taskTable } from '../task-view.ts';
import { taskExplainCommands } from './task-explain.ts';
import { taskRunCommand } from './task-run.ts';
import { taskWatchCommand } from './task-watch.ts';

interface LsOptions {
  state?: string[];
  type?: string;
  region?: string;
  label?: string[];
  limit: string;
}

/** `tenma task …` */
export const taskCommands: CommandGroup = (program, act) => {
  const task = program.command('task').description('submit tasks, look at them, follow them');
  taskRunCommand(task, act);
  task
    .command('get')
    .description('show everything about a task')
    .argument('<id>')
    .action(act((session, [id = '']) => showTask(session, id)));
  task
    .command('ls')
    .description('list tasks, newest first')
    .option('--state <states>', 'any of these: queued,running; may be given several times', collect)
    .option('--type <type>')
    .option('--region <id>', 'as it was submitted')
    .option('--label <key=value>', 'may be given several times; all have to match', collect)
    .option('--limit <count>', 'at most so many', '50')
    .action(act<LsOptions>((session, _args, options) => listTasks(session, options)));
  taskWatchCommand(task, act);
  taskExplainCommands(task, act);
  task
    .command('cancel')
    .description('cancel tasks; running ones are told to stop')
    .argument('<id...>')
    .action(act((session, ids) => changeTasks(session, ids.flat(), (id) => session.client.tasks.cancel(id))));
  task
    .command('retry')
    .description('send tasks that failed, were cancelled or expired once more')
    .argument('<id...>')
    .action(act((session, ids) => changeTasks(session, ids.flat(), (id) => session.client.tasks.retry(id))));
};

async function showTask({ client, output }: Session, id: string): Promise<void> {
  const task = await client.tasks.get(id);
  output.data(task, () => taskSections(task));
}

async function listTasks({ client, output }: Session, options: LsOptions): Promise<void> {
  const limit = parseInteger(options.limit, '--limit', 1, 1_000_000);
  const filter: ListOptions = {
    limit,
    pageSize: Math.min(limit, 1_000),
    ...(options.state === undefined ? {} : { state: parseStates(options.state) }),
    ...(options.type === undefined ? {} : { type: options.type }),
    ...(options.region === undefined ? {} : { region: options.region }),
    ...(options.label === undefined ? {} : { labels: parseLabels(options.label) }),
  };
  const tasks = await Array.fromAsync(client.tasks.list(filter));
  if (tasks.length === 0) output.note('no tasks');
  output.data(tasks, () => taskTable(tasks));
}

/** Does all that can be done, prints it, and tells of what could not; the verdict is that of the first failure. */
async function changeTasks(
  { output }: Session,
  ids: readonly string[],
  change: (id: string) => Promise<Task>,
): Promise<ExitCode> {
  const outcomes = await Promise.allSettled(ids.map(change));
  const tasks = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  output.data(tasks, () => taskTable(tasks));
  const faults = outcomes.flatMap((outcome, index) =>
    outcome.status === 'rejected' ? [{ id: ids[index] ?? '', index, error: outcome.reason as unknown }] : [],
  );
  const [first] = faults;
  if (first === undefined) return exitCodes.ok;
  const errors = faults.map(({ id, index, error }) => ({
    pointer: `#/${index}`,
    detail: `${id}: ${problemOf(error).detail}`,
  }));
  output.problem(faults.length > 1 ? { ...problemOf(first.error), errors } : problemOf(first.error));
  return exitCodeOf(first.error);
}
