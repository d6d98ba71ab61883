import type { NewScheduleInput } from '@tenma/client';
import { UsageError } from '../cli-errors.ts';
import type { CommandGroup } from '../command.ts';
import { parseDuration } from '../duration.ts';
import { given } from '../options.ts';
import { scheduleTable } from '../schedule-view.ts';
import type { Session } from '../session.ts';
import { readTaskInput } from '../task-input.ts';
import { addTaskOptions, type TaskOptions, taskSettings } from '../task-options.ts';

interface AddOptions extends TaskOptions {
  type: string;
  every?: string;
  cron?: string;
  timezone?: string;
  splay?: string;
  paused?: boolean;
  expire: boolean;
}

/** `tenma schedule …` */
export const scheduleCommands: CommandGroup = (program, act) => {
  const schedule = program.command('schedule').description('tasks that are submitted again and again');
  schedule.command('ls').description('list schedules').action(act(listSchedules));
  const add = schedule
    .command('add')
    .description('submit a task at an interval, or by the clock')
    .argument('<id>')
    .requiredOption('--type <type>', 'the task type')
    .option('--every <duration>', 'an interval (30s); slots are its multiples since 1970')
    .option('--cron <fields>', "five or six fields: '*/5 * * * *'")
    .option('--timezone <name>', 'of --cron; default: UTC')
    .option('--splay <duration>', 'put its slots off by a time below this, always the same');
  addTaskOptions(add)
    .option('--paused', 'only write it down; `schedule resume` starts it')
    .option('--no-expire', 'let a task live on when its next slot starts')
    .action(act<AddOptions>((session, [id = ''], options) => addSchedule(session, id, options)));
  for (const [verb, paused, about] of [
    ['pause', true, 'submit nothing until it is resumed'],
    ['resume', false, 'submit again from the next slot on'],
  ] as const) {
    schedule
      .command(verb)
      .description(about)
      .argument('<id>')
      .action(act((session, [id = '']) => pauseSchedule(session, id, paused)));
  }
  schedule
    .command('rm')
    .description('remove a schedule; tasks that it has submitted go on')
    .argument('<id>')
    .action(act((session, [id = '']) => removeSchedule(session, id)));
};

async function listSchedules({ client, output }: Session): Promise<void> {
  const schedules = await client.schedules.list();
  if (schedules.length === 0) output.note('no schedules');
  output.data(schedules, () => scheduleTable(schedules));
}

async function addSchedule(session: Session, id: string, options: AddOptions): Promise<void> {
  const { client, output, stdin } = session;
  const { every, cron, splay, file, timezone } = options;
  if ((every === undefined) === (cron === undefined)) {
    const both = every === undefined ? '' : ', not both';
    throw new UsageError(
      `A schedule needs an interval or a cron line${both}`,
      'Give one of --every and --cron.',
    );
  }
  const when = given({
    every_ms: every === undefined ? undefined : parseDuration(every, '--every'),
    cron,
    timezone,
    splay_ms: splay === undefined ? undefined : parseDuration(splay, '--splay'),
    paused: options.paused,
  });
  const settings = taskSettings(options);
  const input = await readTaskInput(file, options.input ?? [], stdin);
  const task: NewScheduleInput['task'] = { type: options.type, ...given({ input }), ...settings };
  const schedule = await client.schedules.create({ schedule_id: id, task, ...when, expire: options.expire });
  output.data(schedule, () => scheduleTable([schedule]));
}

async function pauseSchedule({ client, output }: Session, id: string, paused: boolean): Promise<void> {
  const schedule = await client.schedules.update(id, { paused });
  output.data(schedule, () => scheduleTable([schedule]));
}

/** Prints what it removed, so that it can be made again. */
async function removeSchedule({ client, output }: Session, id: string): Promise<void> {
  const schedule = await client.schedules.get(id);
  await client.schedules.remove(id);
  output.note(`removed ${id}`);
  output.data(schedule, () => scheduleTable([schedule]));
}
