import type { SubmitOptions } from '@tenma/client';
import { slotsOfProcess } from '@tenma/protocol';
import type { Command } from 'commander';
import { UsageError } from './cli-errors.ts';
import { collect } from './command.ts';
import { parseDuration } from './duration.ts';
import { given, parseInteger, parseLabels, parseNumber } from './options.ts';

/** What commands that submit a task, now or later, can be told of it. */
export interface TaskOptions {
  input?: string[];
  file?: string;
  region?: string;
  priority?: string;
  timeout?: string;
  label?: string[];
  near?: string;
  limitKey?: string;
  limitRate?: string;
  limitConcurrent?: string;
  wee?: string;
  requireVersion?: string;
  cost?: string;
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
    .option('--label <key=value>', 'may be given several times', collect)
    .option('--near <region>', 'the region it deals with: with --region any, one close to it is preferred')
    .option('--wee <id>', 'this WEE and no other')
    .option('--require-version <range>', 'of the worker: ^1.2')
    .option('--cost <slots>', 'of the 100 of a process, that an attempt takes; default: what its type says')
    .option('--limit-key <key>', 'tasks with the same key share a limit: a customer, a target')
    .option('--limit-rate <per second>', 'how many of them start in a second, at most')
    .option('--limit-concurrent <count>', 'how many of them run at once, at most');
}

type Settings = Pick<
  SubmitOptions,
  'region' | 'priority' | 'timeout_ms' | 'labels' | 'near' | 'cost' | 'requires' | 'limit'
>;

/** All but the input. @throws UsageError */
export function taskSettings(options: TaskOptions): Settings {
  const { region, priority, timeout, label, near, cost } = options;
  return given({
    region,
    priority: priority === undefined ? undefined : parseInteger(priority, '--priority', 0, 9),
    timeout_ms: timeout === undefined ? undefined : parseDuration(timeout, '--timeout', 'ms'),
    labels: label === undefined ? undefined : parseLabels(label),
    near,
    cost: cost === undefined ? undefined : parseInteger(cost, '--cost', 1, slotsOfProcess),
    requires: requiresOf(options),
    limit: limitOf(options),
  });
}

function requiresOf({ wee, requireVersion: version }: TaskOptions): SubmitOptions['requires'] {
  return wee === undefined && version === undefined ? undefined : given({ wee, version });
}

function limitOf({ limitKey: key, limitRate, limitConcurrent }: TaskOptions): SubmitOptions['limit'] {
  if (key === undefined && limitRate === undefined && limitConcurrent === undefined) return undefined;
  if (key === undefined || (limitRate ?? limitConcurrent) === undefined) {
    throw new UsageError(
      'A limit needs a key and a number',
      'Give --limit-key with --limit-rate, --limit-concurrent, or both.',
    );
  }
  const per_s = limitRate === undefined ? undefined : parseNumber(limitRate, '--limit-rate', 0, 1_000_000);
  const concurrent =
    limitConcurrent === undefined
      ? undefined
      : parseInteger(limitConcurrent, '--limit-concurrent', 1, 1_000_000);
  return { key, ...given({ per_s, concurrent }) };
}
