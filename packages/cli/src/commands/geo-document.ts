import type { GeoImport } from '@tenma/client';
import type { GeoStatus } from '@tenma/protocol';
import { mayHaveHappened, UsageError } from '../cli-errors.ts';
import type { CommandGroup } from '../command.ts';
import { confirm, mustAsk } from '../confirm.ts';
import { readJson } from '../read-json.ts';
import type { Session } from '../session.ts';
import { formatSections, oneLine } from '../table.ts';

/** `tenma geo …`: the registry of regions and nodes as one document. */
export const geoDocumentCommands: CommandGroup = (program, act) => {
  const geo = program.command('geo').description('all regions and nodes as one JSON document');
  geo
    .command('export')
    .description('print it: tenma geo export > geo.json')
    .action(act(({ client, output }) => printDocument({ client, output })));
  geo
    .command('import')
    .description('put the regions and nodes of a document in the place of all there are; asks first')
    .argument('<file>', '- reads standard input')
    .option('--yes', 'do not ask')
    .action(act<{ yes?: boolean }>((session, [file = ''], { yes }) => importDocument(session, file, yes)));
};

/** JSON with --json and without; for people over several lines. */
async function printDocument({ client, output }: Pick<Session, 'client' | 'output'>): Promise<void> {
  const document = await client.geo.exportDocument();
  output.data(document, () => `${JSON.stringify(document, null, 2)}\n`);
}

async function importDocument(session: Session, file: string, yes: boolean | undefined): Promise<void> {
  const { client, output, stdin } = session;
  const ask = mustAsk(session, yes);
  if (ask && file === '-') {
    throw new UsageError('This asks first, and standard input holds the document', 'Give --yes.');
  }
  // LE judges it: a newer one may take more than this program knows of.
  const document = (await readJson(file, stdin, 'FILE')) as unknown as GeoImport;
  if (ask) {
    output.note(replacementOf(await client.geo.status(), document).trimEnd());
    await confirm(session, 'Replace all regions and nodes?');
  }
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

/** What there is, and what comes in its place. Nothing is known of the document but that it is JSON. */
function replacementOf(now: GeoStatus, document: Partial<GeoImport> | null): string {
  const count = (items: unknown) => (Array.isArray(items) ? String(items.length) : 'not a list');
  return formatSections([
    ['regions', `${now.total_regions} → ${count(document?.regions)}`],
    ['nodes', `${now.total_nodes} → ${count(document?.nodes)}`],
    ['active', `${now.active_region} → ${oneLine(String(document?.active_region))}`],
  ]);
}
