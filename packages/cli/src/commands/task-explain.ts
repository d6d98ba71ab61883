import { TenmaError } from '@tenma/client';
import { isTerminal } from '@tenma/protocol';
import { writeFile } from 'node:fs/promises';
import { TaskUnsuccessfulError, UsageError } from '../cli-errors.ts';
import type { CommandGroup } from '../command.ts';
import type { Session } from '../session.ts';
import { oneLine } from '../table.ts';
import { prettyJson } from '../task-view.ts';

/** `tenma task explain|output`: why a task runs where it does, and what came of it. */
export const taskExplainCommands: CommandGroup = (task, act) => {
  task
    .command('explain')
    .description('say in words why a task runs where it does, or why it waits')
    .argument('<id>')
    .action(act((session, [id = '']) => explainTask(session, id)));
  task
    .command('output')
    .description('print the output of a task that succeeded, however large it is')
    .argument('<id>')
    .option('--out <file>', 'write it to this file, as JSON, instead of printing it')
    .action(act<{ out?: string }>((session, [id = ''], { out }) => printOutput(session, id, out)));
};

async function explainTask({ client, output }: Session, id: string): Promise<void> {
  const explanation = await client.tasks.explain(id);
  const { summary, lines } = explanation;
  output.data(explanation, () => [summary, ...lines].map((line) => `${oneLine(line)}\n`).join(''));
}

/** @throws TaskUnsuccessfulError, or TenmaError `invalid_state` for a task that has not ended */
async function printOutput({ client, output }: Session, id: string, file: string | undefined): Promise<void> {
  const task = await client.tasks.get(id);
  if (!isTerminal(task.state)) {
    throw new TenmaError(`Task ${id} has no output: it is ${task.state}`, {
      code: 'invalid_state',
      retryable: true,
      status: 409,
      hint: `Follow it to its end: tenma task watch ${id}`,
    });
  }
  if (task.state !== 'succeeded') throw new TaskUnsuccessfulError(task);
  const value = await client.task(id).result();
  if (file === undefined) return output.data(value, () => `${prettyJson(value)}\n`);
  const text = `${JSON.stringify(value)}\n`;
  await writeFile(file, text).catch((error: Error) => {
    throw new UsageError(`--out: ${error.message}`, 'Name a file that can be written.');
  });
  const bytes = Buffer.byteLength(text);
  output.data({ id, file, bytes }, () => `${file}\n`);
}
