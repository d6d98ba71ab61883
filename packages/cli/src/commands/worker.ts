import type { ReleaseView } from '@tenma/protocol';
import type { CommandGroup } from '../command.ts';
import { given, parseNumber } from '../options.ts';
import { releaseSections, releaseTable, standingOf } from '../release-view.ts';
import type { Session } from '../session.ts';
import { formatTable } from '../table.ts';
import { workerNewCommand } from './worker-new.ts';

/** `tenma worker …`: who runs tasks, with which versions of the workers. */
export const workerCommands: CommandGroup = (program, act) => {
  const worker = program.command('worker').description('who runs it, in which versions; and new workers');
  worker.command('ls').description('list the WEEs that are present').action(act(listWorkers));
  worker
    .command('versions')
    .description('list the releases of all types; or one, with how each version does in each WEE')
    .argument('[type]')
    .action(
      act((session, [type]) => (type === undefined ? listReleases(session) : showRelease(session, type))),
    );
  worker
    .command('update')
    .description('try a version beside the stable one; it is promoted when it does well, else rejected')
    .argument('<type>')
    .argument('<version>', 'one that a WEE has')
    .option('--share <percent>', 'of the attempts, 1 to 100; default: 10')
    .action(
      act<{ share?: string }>((session, [type = '', version = ''], { share }) =>
        updateWorker(session, type, version, share),
      ),
    );
  worker
    .command('promote')
    .description('make the version on trial the stable one now')
    .argument('<type>')
    .argument('[version]', 'nothing changes unless this one is on trial')
    .action(
      act((session, [type = '', version]) =>
        change(session, session.client.releases.promote(type, given({ version }))),
      ),
    );
  worker
    .command('rollback')
    .description('reject the version on trial; without one, go back from the stable version')
    .argument('<type>')
    .argument('[version]', 'the one to reject: nothing changes when another is on trial or stable by then')
    .option('--reason <text>', 'kept with the version that is rejected')
    .action(
      act<{ reason?: string }>((session, [type = '', version], { reason }) =>
        change(session, session.client.releases.rollback(type, given({ version, reason }))),
      ),
    );
  workerNewCommand(worker, act);
};

async function listWorkers({ client, output }: Session): Promise<void> {
  const workers = await client.workers();
  if (workers.length === 0) output.note('no workers');
  output.data(workers, () =>
    formatTable(
      ['wee', 'region', 'status', 'types', 'slots', 'busy', 'running', 'held', 'version', 'since'],
      workers.map(({ wee_id, region, status, types, pools, version, since }) => ({
        wee: wee_id,
        region,
        status,
        // Every version of a type is announced.
        types: [...new Set(types.map(({ type }) => type))].join(','),
        slots: sumOf(pools.map((pool) => pool.slots)),
        // Not told by a WEE from before.
        busy: pools.some((pool) => pool.busy !== undefined) ? sumOf(pools.map((pool) => pool.busy ?? 0)) : '',
        running: sumOf(pools.map((pool) => pool.running)),
        held: sumOf(pools.map((pool) => pool.held)),
        version,
        since,
      })),
    ),
  );
}

function sumOf(counts: readonly number[]): string {
  return String(counts.reduce((sum, count) => sum + count, 0));
}

async function listReleases({ client, output }: Session): Promise<void> {
  const releases = (await client.releases.list()).map(standingOf);
  if (releases.length === 0) output.note('no releases');
  output.data(releases, () => releaseTable(releases));
}

async function showRelease({ client, output }: Session, type: string): Promise<void> {
  const release = standingOf(await client.releases.get(type));
  output.data(release, () => releaseSections(release));
}

async function updateWorker(
  session: Session,
  type: string,
  version: string,
  percent: string | undefined,
): Promise<void> {
  const share = percent === undefined ? undefined : parseNumber(percent, '--share', 1, 100) / 100;
  await change(session, session.client.releases.update(type, { version, ...given({ share }) }));
  session.output.note(`Follow it: tenma worker versions ${type}`);
}

/** Who runs what is not told: WEEs hear of the change only now. */
async function change({ output }: Session, changing: Promise<ReleaseView>): Promise<void> {
  const release = await changing;
  output.data(release, () => releaseTable([release]));
}
