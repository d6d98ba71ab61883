import type { SubmitOptions } from '@tenma/client';
import type { Command } from 'commander';
import { collect } from './command.ts';
import { parseDuration } from './duration.ts';
import { given, parseInteger, parseLabels } from './options.ts';

/** What commands that submit a task, now or later, can be told of it. */
export interface TaskOptions {
  input?: string[];
  file?: string;
  region?: string;
  priority?: string;
  timeout?: string;
  label?: string[];
}

export function addTaskOptions(command: Command): Command {
  return command
    .option(
      '-i, --input <key=value>',
      'set a field of the input: JSON, else a string; dots reach into objects',
      collect,
    )
    .option('-f, --file <path>', 'the input as a file of JSON; - reads standard input')
    .option('--region <id>', 'a region, `active` or `any`')
    .option('--priority <0-9>', '9 goes first')
    .option('--timeout <ms>', 'for one attempt: milliseconds, or with a unit (30s)')
    .option('--label <key=value>', 'may be given several times', collect);
}

/** All but the input. @throws UsageError */
export function taskSettings({
  region,
  priority,
  timeout,
  label,
}: TaskOptions): Pick<SubmitOptions, 'region' | 'priority' | 'timeout_ms' | 'labels'> {
  return given({
    region,
    priority: priority === undefined ? undefined : parseInteger(priority, '--priority', 0, 9),
    timeout_ms: timeout === undefined ? undefined : parseDuration(timeout, '--timeout', 'ms'),
    labels: label === undefined ? undefined : parseLabels(label),
  });
}
