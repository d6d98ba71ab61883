import type { CommandGroup } from '../command.ts';
import type { Session } from '../session.ts';
import { formatSections, formatTable, oneLine } from '../table.ts';
import { prettyJson } from '../task-view.ts';

/** `tenma type|worker|pool …`: what the fabric can run, and who runs it. */
export const fabricCommands: CommandGroup = (program, act) => {
  const type = program.command('type').description('what can be run');
  type.command('ls').description('list task types').action(act(listTypes));
  type
    .command('get')
    .description('show a task type with its schemas and an example')
    .argument('<type>')
    .action(act((session, [name = '']) => showType(session, name)));
  const worker = program.command('worker').description('who runs it');
  worker.command('ls').description('list the WEEs that are present').action(act(listWorkers));
  const pool = program.command('pool').description('workers of one kind in one region');
  pool.command('ls').description('list pools with their load').action(act(listPools));
};

async function listTypes({ client, output }: Session): Promise<void> {
  const types = await client.taskTypes();
  output.data(types, () =>
    formatTable(
      ['type', 'version', 'cost', 'description'],
      types.map(({ type, version, cost, description }) => ({ type, version, cost, description })),
    ),
  );
}

async function showType({ client, output }: Session, name: string): Promise<void> {
  const type = await client.taskType(name);
  output.data(type, () =>
    formatSections([
      ['type', type.type],
      ['version', type.version],
      ['description', oneLine(type.description)],
      ['timeout', `${type.timeout_ms} ms`],
      ['attempts', String(type.retry.max_attempts)],
      ['example', type.example === undefined ? undefined : prettyJson(type.example)],
      ['input', prettyJson(type.input_schema)],
      ['output', prettyJson(type.output_schema)],
    ]),
  );
}

async function listWorkers({ client, output }: Session): Promise<void> {
  const workers = await client.workers();
  if (workers.length === 0) output.note('no workers');
  output.data(workers, () =>
    formatTable(
      ['wee', 'region', 'status', 'types', 'slots', 'running', 'held', 'version', 'since'],
      workers.map(({ wee_id, region, status, types, pools, version, since }) => ({
        wee: wee_id,
        region,
        status,
        types: types.map(({ type }) => type).join(','),
        // The slots of a WEE are shared by its pools.
        slots: String(Math.max(0, ...pools.map(({ slots }) => slots))),
        running: String(pools.reduce((sum, pool) => sum + pool.running, 0)),
        held: String(pools.reduce((sum, pool) => sum + pool.held, 0)),
        version,
        since,
      })),
    ),
  );
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
