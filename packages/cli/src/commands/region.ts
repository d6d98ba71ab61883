import type { RegionPatch } from '@tenma/protocol';
import { mayHaveHappened, UsageError } from '../cli-errors.ts';
import type { CommandGroup } from '../command.ts';
import { confirm, mustAsk } from '../confirm.ts';
import { given, parseChoice, parseInteger, parseNumber } from '../options.ts';
import { regionSections, regionTable } from '../region-view.ts';
import type { Session } from '../session.ts';
import { formatSections, oneLine } from '../table.ts';

interface RegionOptions {
  lat?: string;
  lon?: string;
  name?: string;
  provider?: string;
  priority?: string;
}

/** `tenma region …` */
export const regionCommands: CommandGroup = (program, act) => {
  const region = program
    .command('region')
    .description('where things run, and which region is the active one');
  region.command('ls').description('list regions by priority').action(act(listRegions));
  region
    .command('show')
    .description('show everything about a region')
    .argument('<id>')
    .action(act((session, [id = '']) => showRegion(session, id)));
  region
    .command('add')
    .description('register a region')
    .argument('<id>')
    .requiredOption('--lat <degrees>', 'north; south is negative')
    .requiredOption('--lon <degrees>', 'east; west is negative')
    .option('--name <text>', 'for people; default: the id')
    .option('--provider <text>', 'who runs it')
    .option('--priority <1-1000>', '1 is preferred when a failover chooses')
    .action(act<RegionOptions>((session, [id = ''], options) => addRegion(session, id, options)));
  region
    .command('edit')
    .description('change what is said of a region; what is left out stays')
    .argument('<id>')
    .option('--lat <degrees>', 'with --lon')
    .option('--lon <degrees>', 'with --lat')
    .option('--name <text>')
    .option('--provider <text>')
    .option('--priority <1-1000>')
    .action(act<RegionOptions>((session, [id = ''], options) => updateRegion(session, id, patchOf(options))));
  region
    .command('rm')
    .description('remove a region that has no nodes and is not the active one')
    .argument('<id>')
    .action(act((session, [id = '']) => removeRegion(session, id)));
  region
    .command('activate')
    .description('make a region the active one, whatever the cool-down; asks first')
    .argument('<id>')
    .option('--yes', 'do not ask')
    .action(act<{ yes?: boolean }>((session, [id = ''], { yes }) => activateRegion(session, id, yes)));
  region
    .command('maintenance')
    .description('take a region out of probing and failover, or back in')
    .argument('<id>')
    .argument('<on|off>')
    .action(
      act((session, [id = '', state = '']) => {
        const maintenance = parseChoice(state, 'maintenance', ['on', 'off']) === 'on';
        return updateRegion(session, id, { maintenance });
      }),
    );
};

async function listRegions({ client, output }: Session): Promise<void> {
  const [regions, status] = await Promise.all([client.geo.listRegions(), client.geo.status()]);
  if (regions.length === 0) output.note('no regions');
  output.data(regions, () => regionTable(regions, status));
}

async function showRegion({ client, output }: Session, id: string): Promise<void> {
  const region = await client.geo.getRegion(id);
  output.data(region, () => regionSections(region));
}

async function addRegion({ client, output }: Session, id: string, options: RegionOptions): Promise<void> {
  const { location, ...patch } = patchOf(options);
  if (location === undefined) throw new UsageError('A region needs a place', 'Give --lat and --lon.');
  const region = await client.geo.addRegion({ region_id: id, location, ...patch });
  output.data(region, () => regionTable([region]));
}

async function updateRegion({ client, output }: Session, id: string, patch: RegionPatch): Promise<void> {
  if (Object.keys(patch).length === 0) throw new UsageError('There is nothing to change');
  const region = await client.geo.updateRegion(id, patch);
  output.data(region, () => regionTable([region]));
}

/** Prints what it removed, so that it can be registered again. */
async function removeRegion({ client, output }: Session, id: string): Promise<void> {
  const region = await client.geo.getRegion(id);
  await client.geo.removeRegion(id);
  output.note(`removed ${id}`);
  output.data(region, () => regionTable([region]));
}

async function activateRegion(session: Session, id: string, yes: boolean | undefined): Promise<void> {
  const { client, output } = session;
  if (mustAsk(session, yes)) {
    const [region, before] = await Promise.all([client.geo.getRegion(id), client.geo.getActiveRegion()]);
    const target = oneLine(`${id} (${region.display_name}, ${region.status})`);
    await confirm(session, `Move the active region from ${before.region_id} to ${target}?`);
  }
  const active = await client.geo.setActiveRegion(id).catch((error: unknown) => {
    throw mayHaveHappened(error, 'tenma region ls');
  });
  output.data(active, () =>
    formatSections([
      ['active', active.region_id],
      ['epoch', String(active.epoch)],
      ['since', active.since],
    ]),
  );
}

function patchOf({ lat, lon, name, provider, priority }: RegionOptions): RegionPatch {
  if ((lat === undefined) !== (lon === undefined)) {
    throw new UsageError('Half a place', 'Give --lat and --lon together.');
  }
  return given({
    display_name: name,
    provider,
    priority: priority === undefined ? undefined : parseInteger(priority, '--priority', 1, 1_000),
    location:
      lat === undefined || lon === undefined
        ? undefined
        : { lat: parseNumber(lat, '--lat', -90, 90), lon: parseNumber(lon, '--lon', -180, 180) },
  });
}
