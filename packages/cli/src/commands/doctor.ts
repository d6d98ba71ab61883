import { TenmaError } from '@tenma/client';
import type { Presence } from '@tenma/protocol';
import { problemOf } from '../cli-errors.ts';
import type { CommandGroup } from '../command.ts';
import { formatDuration } from '../duration.ts';
import { type ExitCode, exitCodeOf, exitCodes } from '../exit-code.ts';
import type { Session } from '../session.ts';
import { oneLine } from '../table.ts';
import { cliVersion } from '../version.ts';
import type { Check } from './doctor-check.ts';
import { checkSubmitters } from './doctor-submitters.ts';
import { checkReleases, checkTypes } from './doctor-types.ts';

/** What to look at when LE says that a dependency does not answer. */
const dependencyHints: Readonly<Record<string, string>> = {
  store: 'Check the database that TENMA_STORE_URL of LE names, and the space on its disk.',
  bus: 'Check the broker that TENMA_AMQP_URL names: is it up, may LE reach it, are user and password right?',
  results:
    'Check the broker that TENMA_MQTT_URL names: is it up, may LE reach it, are user and password right?',
  pools:
    'Start a WEE (`tenma wee`, or `npm start` for everything at once) and see that its broker is the same.',
};

/** Replies carry whole seconds, so that less than this is no skew. */
const skewToleranceMs = 2_000;

/** `tenma doctor`: looks at everything that has to work, and says how to mend what does not. */
export const doctorCommand: CommandGroup = (program, act) => {
  program
    .command('doctor')
    .description('check that everything works, and say how to mend what does not')
    .option('--exit-code', 'exit 7 when something is wrong though the API answers')
    .action(
      act<{ exitCode?: boolean }>((session, _args, options) => examine(session, options.exitCode === true)),
    );
};

async function examine(session: Session, judge: boolean): Promise<ExitCode> {
  const { output } = session;
  const checks: Check[] = [checkNode()];
  let fault: unknown;
  try {
    checks.push(...(await checkApi(session)));
    checks.push(...(await checkFabric(session)));
  } catch (error) {
    if (!(error instanceof TenmaError)) throw error;
    fault = error;
    checks.push({ name: 'api', status: 'failed', detail: error.message, hint: error.hint });
  }
  const ok = checks.every(({ status }) => status === 'ok');
  output.data({ ok, checks }, () => checks.map((check) => `${lineOf(check, session)}\n`).join(''));
  if (fault !== undefined) {
    output.problem(problemOf(fault));
    return exitCodeOf(fault);
  }
  return judge && !ok ? exitCodes.degraded : exitCodes.ok;
}

function lineOf({ name, status, detail, hint }: Check, { output }: Session): string {
  const mark = output.mark(status === 'ok' ? 'good' : status === 'failed' ? 'bad' : 'warning');
  const remedy = hint === undefined ? '' : `\n    → ${oneLine(hint)}`;
  return `${mark} ${name.padEnd(10)}  ${oneLine(detail)}${remedy}`;
}

function checkNode(): Check {
  const detail = `tenma ${cliVersion()} on Node ${process.version} (${process.platform}-${process.arch})`;
  if (Number(process.versions.node.split('.')[0]) >= 24) return { name: 'cli', status: 'ok', detail };
  return { name: 'cli', status: 'warning', detail, hint: 'Use Node 24 or later.' };
}

/** The API, its clock and its dependencies. @throws TenmaError when it does not answer */
async function checkApi({ client, config }: Session): Promise<Check[]> {
  const began = Date.now();
  const { status, checks, serverNow } = await client.ready();
  const tookMs = Date.now() - began;
  const skewMs = serverNow - (began + tookMs / 2);
  const skewed = Math.abs(skewMs) > skewToleranceMs + tookMs;
  const direction = skewMs > 0 ? 'ahead of' : 'behind';
  return [
    {
      name: 'api',
      status: 'ok',
      detail: `${config.apiUrl} answered in ${formatDuration(tookMs)}: ${status}`,
    },
    skewed
      ? {
          name: 'clock',
          status: 'warning',
          detail: `LE's clock is ${formatDuration(Math.abs(skewMs))} ${direction} this machine's`,
          hint: 'Let both follow NTP: run_at and deadline are judged by the clock of LE.',
        }
      : { name: 'clock', status: 'ok', detail: 'agrees with that of LE' },
    ...Object.entries(checks).map(([name, { ok, detail = '' }]): Check => {
      if (ok) return { name, status: 'ok', detail: detail || 'ok' };
      return { name, status: 'failed', detail: detail || 'not ok', ...hintOf(name) };
    }),
  ];
}

function hintOf(dependency: string): { hint?: string } {
  const hint = dependencyHints[dependency];
  return hint === undefined ? {} : { hint };
}

/** What can be run, and who is there to run it. */
async function checkFabric({ client }: Session): Promise<Check[]> {
  const [types, releases, workers, policies, schedules, nodes] = await Promise.all([
    client.taskTypes(),
    client.releases.list(),
    client.workers(),
    client.policies.list(),
    client.schedules.list(),
    client.geo.listNodes(),
  ]);
  return [
    checkTypes(types, workers),
    ...checkReleases(releases, workers),
    ...checkSubmitters({ policies, schedules, nodes }, types, workers),
    checkWorkers(workers),
  ];
}

function checkWorkers(workers: readonly Presence[]): Check {
  if (workers.length === 0) {
    return { name: 'workers', status: 'warning', detail: 'none present', hint: 'Start one: tenma wee' };
  }
  const versions = new Set(workers.map(({ version }) => version));
  const draining = workers.filter(({ status }) => status === 'draining').length;
  const seen = `${workers.length} present${draining > 0 ? `, ${draining} draining` : ''}`;
  if (versions.size === 1) {
    return { name: 'workers', status: 'ok', detail: `${seen}, version ${[...versions].join()}` };
  }
  return {
    name: 'workers',
    status: 'warning',
    detail: `${seen}, of versions ${[...versions].join(', ')}`,
    hint: 'Fine during an update; else bring them to one version.',
  };
}
