import { type LatencyLayer, latencyLayers } from '@tenma/protocol';
import { UsageError } from '../cli-errors.ts';
import type { CommandGroup } from '../command.ts';
import { latencyLegend, latencyTable, type PairLatency, pairTable } from '../latency-view.ts';
import { given, parseChoice } from '../options.ts';
import type { Session } from '../session.ts';

interface MatrixOptions {
  layer: string;
  from?: string;
}

/** `tenma latency …` */
export const latencyCommands: CommandGroup = (program, act) => {
  const latency = program.command('latency').description('round trips between regions');
  latency
    .command('matrix')
    .description('every pair of regions')
    .option('--layer <layer>', latencyLayers.join(', '), 'effective')
    .option('--from <ids>', 'rows of these regions only: tokyo,oregon')
    .action(act<MatrixOptions>((session, _args, options) => showMatrix(session, options)));
  latency
    .command('pair')
    .description('everything known of one pair of regions')
    .argument('<from>')
    .argument('<to>')
    .action(act((session, [from = '', to = '']) => showPair(session, from, to)));
};

async function showMatrix({ client, output }: Session, { layer, from }: MatrixOptions): Promise<void> {
  const query = {
    layer: parseChoice(layer, '--layer', latencyLayers),
    ...given({ from: from?.split(',').map((id) => id.trim()) }),
  };
  const matrix = await client.geo.getLatencyMatrix(query);
  output.note(latencyLegend(matrix));
  output.data(matrix, () => latencyTable(matrix, output));
}

async function showPair({ client, output }: Session, from: string, to: string): Promise<void> {
  if (from === to) throw new UsageError('A region has no round trip to itself', 'Name two regions.');
  // Both have to be there: a pair that a layer knows nothing of looks like one that does not exist.
  await Promise.all([client.geo.getRegion(from), client.geo.getRegion(to)]);
  const ask = async (layer: LatencyLayer) => {
    const { cells } = await client.geo.getLatencyMatrix({ layer, from: [from], cells: true });
    return cells[from]?.[to] ?? null;
  };
  const [floor, estimated, measured, effective] = await Promise.all([
    ask('floor'),
    ask('estimated'),
    ask('measured'),
    ask('effective'),
  ]);
  const layers: PairLatency = { floor, estimated, measured, effective };
  output.note(`round trips from ${from} to ${to}`);
  output.data({ from, to, layers }, () => pairTable(layers));
}
