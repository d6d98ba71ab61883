import type { GeoImport } from '@tenma/client';
import { mayHaveHappened } from '../cli-errors.ts';
import type { CommandGroup } from '../command.ts';
import { readJson } from '../read-json.ts';
import type { Session } from '../session.ts';
import { formatSections } from '../table.ts';

/** `tenma geo …`: the registry of regions and nodes as one document. */
export const geoDocumentCommands: CommandGroup = (program, act) => {
  const geo = program.command('geo').description('all regions and nodes as one JSON document');
  geo
    .command('export')
    .description('print it: tenma geo export > geo.json')
    .action(act(({ client, output }) => printDocument({ client, output })));
  geo
    .command('import')
    .description('put the regions and nodes of a document in the place of all there are')
    .argument('<file>', '- reads standard input')
    .action(act((session, [file = '']) => importDocument(session, file)));
};

/** JSON with --json and without; for people over several lines. */
async function printDocument({ client, output }: Pick<Session, 'client' | 'output'>): Promise<void> {
  const document = await client.geo.exportDocument();
  output.data(document, () => `${JSON.stringify(document, null, 2)}\n`);
}

async function importDocument({ client, output, stdin }: Session, file: string): Promise<void> {
  // LE judges it: a newer one may take more than this program knows of.
  const document = (await readJson(file, stdin, 'FILE')) as unknown as GeoImport;
  const brought = await client.geo.importDocument(document).catch((error: unknown) => {
    throw mayHaveHappened(error, 'tenma region ls');
  });
  output.data(brought, () =>
    formatSections([
      ['regions', String(brought.regions)],
      ['nodes', String(brought.nodes)],
      ['active', brought.active_region],
    ]),
  );
}
