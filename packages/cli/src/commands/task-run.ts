import { ResultTimeoutError, type SubmitOptions, type TaskHandle } from '@tenma/client';
import type { Task } from '@tenma/protocol';
import { InterruptedError, TaskUnsuccessfulError } from '../cli-errors.ts';
import type { CommandGroup } from '../command.ts';
import { parseDuration } from '../duration.ts';
import { given } from '../options.ts';
import type { Session } from '../session.ts';
import { readTaskInput } from '../task-input.ts';
import { addTaskOptions, type TaskOptions, taskSettings } from '../task-options.ts';
import { endLine, prettyJson } from '../task-view.ts';
import { waitForEnd } from '../wait-for-end.ts';

interface RunOptions extends TaskOptions {
  idempotencyKey?: string;
  /** True or left out: as long as it takes; text: so long; false: not at all. */
  wait?: boolean | string;
  cancelOnInterrupt?: boolean;
}

/** A running worker gets this long to end after Ctrl-C with --cancel-on-interrupt. */
const cancelWaitMs = 5_000;

/** `tenma task run`: submits a task and, unless told otherwise, waits for its end. */
export const taskRunCommand: CommandGroup = (task, act) => {
  const run = task
    .command('run')
    .description('submit a task and wait for its result')
    .argument('<type>', 'a task type; `tenma type ls` lists them');
  addTaskOptions(run)
    .option('--idempotency-key <key>', 'the same key and task make no second task')
    .option('--wait [duration]', 'how long to wait (--wait=30s); default: until it ends')
    .option('--no-wait', 'only submit, and print the id')
    .option('--cancel-on-interrupt', 'Ctrl-C cancels the task instead of letting go of it')
    .action(act<RunOptions>((session, [type = ''], options) => runTask(session, type, options)));
};

async function runTask(session: Session, type: string, options: RunOptions): Promise<void> {
  const { client, output } = session;
  const waitMs = typeof options.wait === 'string' ? parseDuration(options.wait, '--wait') : undefined;
  const submission = submissionOf(options);
  const input = await readTaskInput(options.file, options.input ?? [], session.stdin);
  using interrupts = session.watchInterrupts('Nothing may have been submitted; `tenma task ls` tells.');
  const { signal } = interrupts;
  const handle = await client.submit(type, input, { ...submission, signal });
  if (options.wait === false) {
    output.note(`accepted; follow it: tenma task watch ${handle.id}`);
    output.data(handle.accepted, `${handle.id}\n`);
    return;
  }
  try {
    const title = `${type} ${handle.id}`;
    await report(session, handle, await waitForEnd(session, handle, title, { signal, timeoutMs: waitMs }));
  } catch (error) {
    throw await afterWait(session, handle, error, options.cancelOnInterrupt === true);
  }
}

function submissionOf(options: RunOptions): SubmitOptions {
  return { ...taskSettings(options), ...given({ idempotency_key: options.idempotencyKey }) };
}

/** The output of a task that succeeded. @throws TaskUnsuccessfulError, with --json after the record */
async function report({ config, output }: Session, handle: TaskHandle, task: Task): Promise<void> {
  if (task.state === 'succeeded') {
    const value = task.output_ref && !config.json ? await handle.result() : task.output;
    output.note(`${output.mark('good')} ${endLine(task)}`);
    output.data(task, () => `${prettyJson(value)}\n`);
    return;
  }
  output.data(task, '');
  throw new TaskUnsuccessfulError(task);
}

/** What to say of a wait that ended before the task did. */
async function afterWait(
  session: Session,
  handle: TaskHandle,
  error: unknown,
  cancel: boolean,
): Promise<unknown> {
  const { output } = session;
  const reattach = `Follow it: tenma task watch ${handle.id}`;
  if (error instanceof ResultTimeoutError) {
    output.data(error.task ?? handle.accepted, '');
    output.note('The task goes on.');
    return error;
  }
  if (!(error instanceof InterruptedError)) return error;
  if (!cancel) {
    output.data(handle.accepted, '');
    return new InterruptedError(`Let go of task ${handle.id}, which goes on`, reattach);
  }
  await handle.cancel();
  const task = await handle.finished({ timeoutMs: cancelWaitMs }).catch(() => handle.get());
  output.data(task, '');
  return new InterruptedError(`Cancelled task ${handle.id}: it is ${task.state}`, reattach);
}
