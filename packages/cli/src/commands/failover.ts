import type { FailoverOrder } from '@tenma/client';
import { mayHaveHappened } from '../cli-errors.ts';
import type { CommandGroup } from '../command.ts';
import { confirm, mustAsk } from '../confirm.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { failoverSections, failoverTable } from '../failover-view.ts';
import { given, parseChoice, parseInteger } from '../options.ts';
import type { Session } from '../session.ts';

interface FailoverOptions {
  from?: string;
  to?: string;
  prefer?: string;
  reason?: string;
  yes?: boolean;
}

/** `tenma failover …` */
export const failoverCommands: CommandGroup = (program, act) => {
  const failover = program.command('failover').description('move the active region away from a lost one');
  failover
    .command('plan')
    .description('say what a failover would do, and change nothing')
    .option('--from <id>', 'default: the active region')
    .option('--to <id>', 'default: chosen by --prefer')
    .option('--prefer <how>', 'priority or nearest')
    .action(act<FailoverOptions>((session, _args, options) => planFailover(session, options)));
  failover
    .command('run')
    .description('fail over now; shows the plan and asks first')
    .option('--from <id>', 'default: the active region')
    .option('--to <id>', 'default: chosen by --prefer')
    .requiredOption('--reason <text>', 'kept in the history')
    .option('--prefer <how>', 'priority or nearest')
    .option('--yes', 'do not ask')
    .action(act<FailoverOptions>((session, _args, options) => runFailover(session, options)));
  failover
    .command('history')
    .description('list failovers, newest first')
    .option('-n, --limit <count>', 'at most so many', '20')
    .action(act<{ limit: string }>((session, _args, { limit }) => listFailovers(session, limit)));
};

async function orderOf({ client }: Session, options: FailoverOptions): Promise<FailoverOrder> {
  const { from, to, reason, prefer } = options;
  const chosen = prefer === undefined ? undefined : parseChoice(prefer, '--prefer', ['priority', 'nearest']);
  const from_region = from ?? (await client.geo.getActiveRegion()).region_id;
  return { from_region, ...given({ to_region: to, prefer: chosen, reason }) };
}

async function planFailover(session: Session, options: FailoverOptions): Promise<void> {
  const { client, output } = session;
  const order = await orderOf(session, options);
  const [plan, regions] = await Promise.all([
    client.geo.triggerFailover({ ...order, dry_run: true }),
    client.geo.listRegions(),
  ]);
  const { from_region, to_region } = plan.event;
  output.data(plan, () => failoverSections(plan.event, regions));
  output.note(`Do it: tenma failover run --from ${from_region} --to ${to_region} --reason "…"`);
}

/** What is carried out is what was shown: the target of the plan, not another that came to be better meanwhile. */
async function runFailover(session: Session, options: FailoverOptions): Promise<ExitCode> {
  const { client, output } = session;
  const ask = mustAsk(session, options.yes);
  const order = await orderOf(session, options);
  const regions = await client.geo.listRegions();
  if (ask) {
    const { event } = await client.geo.triggerFailover({ ...order, dry_run: true });
    order.to_region = event.to_region;
    output.note(failoverSections(event, regions).trimEnd());
    await confirm(session, `Fail over from ${event.from_region} to ${event.to_region}?`);
  }
  const done = await client.geo.triggerFailover(order).catch((error: unknown) => {
    throw mayHaveHappened(error, 'tenma failover history');
  });
  output.data(done, () => failoverSections(done.event, regions));
  const { success } = done.event;
  output.note(`${output.mark(success ? 'good' : 'bad')} ${success ? 'failed over' : 'not failed over'}`);
  return success ? exitCodes.ok : exitCodes.unsuccessful;
}

async function listFailovers({ client, output }: Session, limit: string): Promise<void> {
  const events = await client.geo.failoverHistory({ limit: parseInteger(limit, '--limit', 1, 1_000) });
  if (events.length === 0) output.note('no failovers');
  output.data(events, () => failoverTable(events));
}
