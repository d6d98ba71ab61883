import type { NodeFilter } from '@tenma/client';
import { type NodePatch, type NodeProbe, nodeStatuses, nodeTypes } from '@tenma/protocol';
import { UsageError } from '../cli-errors.ts';
import { collect, type CommandGroup } from '../command.ts';
import { parseDuration } from '../duration.ts';
import { nodeSections, nodeTable } from '../node-view.ts';
import { given, parseChoice, parseLabels } from '../options.ts';
import type { Session } from '../session.ts';
import { readTaskInput } from '../task-input.ts';

interface LsOptions {
  region?: string;
  status?: string;
}

interface NodeOptions {
  endpoint?: string;
  type?: string;
  probe?: string;
  interval?: string;
  input?: string[];
  label?: string[];
}

interface EditOptions extends NodeOptions {
  unlabel?: string[];
  probes?: string;
  defaultProbe?: boolean;
}

/** Results that `node show` prints. */
const resultsShown = 10;

/** `tenma node …` */
export const nodeCommands: CommandGroup = (program, act) => {
  const node = program.command('node').description('what is watched in the regions');
  node
    .command('ls')
    .description('list nodes')
    .option('--region <id>')
    .option('--status <status>', nodeStatuses.join(', '))
    .action(act<LsOptions>((session, _args, options) => listNodes(session, options)));
  node
    .command('show')
    .description('show everything about a node: who sees what, and the last probes')
    .argument('<id>')
    .action(act((session, [id = '']) => showNode(session, id)));
  withSettings(
    node
      .command('add')
      .description('register a node')
      .argument('<id>')
      .requiredOption('--region <id>')
      .requiredOption('--endpoint <endpoint>', 'host:port, [address]:port or an http(s) URL'),
  ).action(
    act<NodeOptions & { region: string; endpoint: string }>((session, [id = ''], options) =>
      addNode(session, id, options),
    ),
  );
  withSettings(
    node
      .command('edit')
      .description('change what is said of a node; what is left out stays')
      .argument('<id>')
      .option('--endpoint <endpoint>', 'host:port, [address]:port or an http(s) URL'),
  )
    .option('--unlabel <key>', 'take a label off; may be given several times', collect)
    .option('--probes <on|off>', 'whether it is probed')
    .option('--default-probe', 'the probe, input and pace that it has by its type and region')
    .action(act<EditOptions>((session, [id = ''], options) => editNode(session, id, options)));
  node
    .command('rm')
    .description('remove a node')
    .argument('<id>')
    .action(act((session, [id = '']) => removeNode(session, id)));
};

function withSettings(command: ReturnType<Parameters<CommandGroup>[0]['command']>): typeof command {
  return command
    .option('--type <type>', `${nodeTypes.join(', ')}; chooses the probe`)
    .option('--probe <task type>', 'another probe: any task type whose output has `verdict`')
    .option('--interval <duration>', 'between two probes (30s)')
    .option('-i, --input <key=value>', 'set a field of the input of the probe', collect)
    .option('--label <key=value>', 'may be given several times', collect);
}

async function listNodes({ client, output }: Session, { region, status }: LsOptions): Promise<void> {
  const filter: NodeFilter = given({
    region_id: region,
    status: status === undefined ? undefined : parseChoice(status, '--status', nodeStatuses),
  });
  const nodes = await client.geo.listNodes(filter);
  if (nodes.length === 0) output.note('no nodes');
  output.data(nodes, () => nodeTable(nodes));
}

async function showNode({ client, output }: Session, id: string): Promise<void> {
  const [node, results] = await Promise.all([
    client.geo.getNode(id),
    client.geo.nodeResults(id, { limit: resultsShown }),
  ]);
  output.data({ ...node, results }, () => nodeSections(node, results));
}

async function addNode(
  session: Session,
  id: string,
  options: NodeOptions & { region: string; endpoint: string },
): Promise<void> {
  const { client, output } = session;
  const { endpoint, region: region_id } = options;
  const settings = await settingsOf(session, options);
  const node = await client.geo.registerNode({ node_id: id, region_id, ...settings, endpoint });
  output.data(node, () => nodeTable([node]));
}

/** Labels and probe settings are patched as wholes, so that what stands is read first and changed in part. */
async function editNode(session: Session, id: string, options: EditOptions): Promise<void> {
  const { client, output } = session;
  const { unlabel = [], probes, defaultProbe = false } = options;
  if (defaultProbe && options.probe !== undefined) {
    throw new UsageError('--probe names another probe than the default', 'Give --probe or --default-probe.');
  }
  const { labels, probe, ...settings } = await settingsOf(session, options);
  const enabled = probes === undefined ? undefined : parseChoice(probes, '--probes', ['on', 'off']) === 'on';
  const reprobed = probe !== undefined || enabled !== undefined || defaultProbe;
  const relabelled = labels !== undefined || unlabel.length > 0;
  if (Object.keys(settings).length === 0 && !reprobed && !relabelled) {
    throw new UsageError('There is nothing to change');
  }
  const before = await client.geo.getNode(id);
  const kept = Object.entries({ ...before.labels, ...labels }).filter(([key]) => !unlabel.includes(key));
  const base = defaultProbe ? given({ enabled: before.probe.enabled }) : before.probe;
  const node = await client.geo.updateNode(id, {
    ...settings,
    ...(relabelled ? { labels: Object.fromEntries(kept) } : {}),
    ...(reprobed ? { probe: changedProbe(base, { ...probe, ...given({ enabled }) }) } : {}),
  });
  output.data(node, () => nodeTable([node]));
}

/** Fields of the input are set one by one, but the input of one task type means nothing to another. */
function changedProbe(before: NodeProbe, changes: NodeProbe): NodeProbe {
  const retyped = changes.type !== undefined && changes.type !== before.type;
  const { input: old, ...rest } = before;
  const input = retyped || old === undefined ? changes.input : { ...old, ...changes.input };
  return { ...rest, ...changes, ...given({ input }) };
}

/** Prints what it removed, so that it can be registered again. */
async function removeNode({ client, output }: Session, id: string): Promise<void> {
  const node = await client.geo.getNode(id);
  await client.geo.deregisterNode(id);
  output.note(`removed ${id}`);
  output.data(node, () => nodeTable([node]));
}

async function settingsOf({ stdin }: Session, options: NodeOptions): Promise<NodePatch> {
  const { endpoint, type, probe, interval, label } = options;
  const input = await readTaskInput(undefined, options.input ?? [], stdin);
  const settings = given({
    type: probe,
    interval_ms: interval === undefined ? undefined : parseDuration(interval, '--interval'),
    // Made of -i alone, it is an object.
    input: input as Record<string, never> | undefined,
  });
  return given({
    endpoint,
    node_type: type === undefined ? undefined : parseChoice(type, '--type', nodeTypes),
    labels: label === undefined ? undefined : parseLabels(label),
    probe: Object.keys(settings).length === 0 ? undefined : settings,
  });
}
