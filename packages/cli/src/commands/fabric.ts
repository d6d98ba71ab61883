import { TenmaError } from '@tenma/client';
import type { Cost, TaskType } from '@tenma/protocol';
import type { CommandGroup } from '../command.ts';
import type { Session } from '../session.ts';
import { formatSections, formatTable, oneLine } from '../table.ts';
import { prettyJson } from '../task-view.ts';

/** `tenma type|pool …`: what the fabric can run, and where. */
export const fabricCommands: CommandGroup = (program, act) => {
  const type = program.command('type').description('what can be run');
  type.command('ls').description('list task types').action(act(listTypes));
  type
    .command('get')
    .description('show a task type with its schemas and an example')
    .argument('<type>')
    .action(act((session, [name = '']) => showType(session, name)));
  type
    .command('rm')
    .description(
      'forget a task type that has been retired: no WEE has it, nobody submits it, and none of its tasks is unfinished',
    )
    .argument('<type>')
    .action(act((session, [name = '']) => removeType(session, name)));
  const pool = program.command('pool').description('workers of one kind in one region');
  pool.command('ls').description('list pools with their load').action(act(listPools));
};

async function listTypes({ client, output }: Session): Promise<void> {
  const types = await client.taskTypes();
  output.data(types, () => typeTable(types));
}

function typeTable(types: readonly TaskType[]): string {
  return formatTable(
    ['type', 'version', 'cost', 'description'],
    types.map(({ type, version, cost, description }) => ({
      type,
      version,
      cost: costText(cost),
      description,
    })),
  );
}

async function showType({ client, output }: Session, name: string): Promise<void> {
  const type = await client.taskType(name);
  output.data(type, () =>
    formatSections([
      ['type', type.type],
      ['version', type.version],
      ['description', oneLine(type.description)],
      ['cost', costText(type.cost)],
      ['timeout', `${type.timeout_ms} ms`],
      ['attempts', String(type.retry.max_attempts)],
      ['example', type.example === undefined ? undefined : prettyJson(type.example)],
      ['input', prettyJson(type.input_schema)],
      ['output', prettyJson(type.output_schema)],
    ]),
  );
}

/** Prints what it removed; of a type whose schemas LE does not have (any more) the name. */
async function removeType({ client, output }: Session, name: string): Promise<void> {
  const type = await client.taskType(name).catch((error: unknown) => {
    if (error instanceof TenmaError && error.code === 'unknown_type') return null;
    throw error;
  });
  await client.forgetTaskType(name);
  output.note(`removed ${name}`);
  output.data(type ?? { type: name }, () => (type ? typeTable([type]) : ''));
}

function costText(cost: Cost): string {
  if (typeof cost === 'number') return `${cost} slots`;
  return cost === 'by_input' ? 'by input' : cost;
}

async function listPools({ client, output }: Session): Promise<void> {
  const pools = await client.pools();
  if (pools.length === 0) output.note('no pools');
  output.data(pools, () =>
    formatTable(
      ['pool', 'region', 'type', 'wees', 'slots', 'running', 'held', 'queued', 'backlog'],
      pools.map((pool) => ({
        pool: pool.pool,
        region: pool.region,
        type: pool.type,
        wees: String(pool.wees.length),
        slots: String(pool.slots),
        running: String(pool.running),
        held: String(pool.held),
        queued: pool.queued === null ? '' : String(pool.queued),
        backlog: String(pool.backlog),
      })),
    ),
  );
}
