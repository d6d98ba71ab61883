import { type Clock, ConfigError, type Log } from '@tenma/runtime';
import type { WorkerVersion } from '@tenma/worker/messages';
import type { GroupOptions } from './processes/interfaces.ts';
import { warnOfUnknownTypes } from './pools/unknown-types.ts';
import { openOutputFolder } from './processes/output-folder.ts';
import { createSpares } from './processes/spares.ts';
import { createWorkerGroup } from './processes/worker-group.ts';
import type { Roster } from './releases/interfaces.ts';
import { createRoster } from './releases/roster.ts';

export interface RosterOptions {
  /** Module specifiers of worker packages. */
  readonly packages: readonly string[];
  /** A folder of worker packages by name and version, watched for new ones. */
  readonly directory?: string | undefined;
  readonly labels?: readonly string[];
  /**
   * The environment that worker processes are handed, without what is not theirs, such as the URLs of the brokers. That
   * is no wall: they run as the same user and can read whatever this user can, the environment of the WEE among it.
   */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Processes of a version of a type, at most. Default 2. */
  readonly processes?: number;
  /** Types that differ from that. */
  readonly pools?: Readonly<Record<string, GroupOptions>>;
  /** Processes in reserve. Default 1. */
  readonly spares?: number;
  /** What a worker process may use, in MiB: of JavaScript heap, and in all. Default 256 and 512. */
  readonly heapMb?: number;
  readonly memoryMb?: number;
}

interface Components {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
}

/**
 * The roster of a WEE on processes of its own. Large outputs pass from them to the WEE through a temporary folder.
 * @throws ConfigError when the packages do not load
 */
export async function openRoster(
  { clock, log, random }: Components,
  options: RosterOptions,
): Promise<Roster> {
  const { packages, directory, labels = [], environment, processes = 2, pools = {} } = options;
  const { spares: stock = 1, heapMb = 256, memoryMb = 512 } = options;
  const base = { clock, log, random };
  await using parts = new AsyncDisposableStack();
  const { path: folder } = parts.use(await openOutputFolder(clock));
  const spares = parts.use(createSpares(base, { environment, folder, spares: stock, heapMb, memoryMb }));
  const createGroup = (worker: WorkerVersion, bounds: GroupOptions) =>
    createWorkerGroup({ ...base, spares }, worker, bounds);
  const roster = await createRoster(
    { ...base, spares, createGroup },
    { packages, directory, labels, processes, pools },
  ).catch((error: unknown) => {
    log.debug({ err: error }, 'why the worker packages do not load, in full');
    throw new ConfigError(`TENMA_WORKERS: the worker packages do not load: ${(error as Error).message}`);
  });
  parts.use(roster);
  warnOfUnknownTypes(log, pools, roster.types);
  const opened = parts.move();
  return {
    get pools() {
      return roster.pools;
    },
    get types() {
      return roster.types;
    },
    get reports() {
      return roster.reports;
    },
    follow: (releases) => roster.follow(releases),
    onChange: (listener) => roster.onChange(listener),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
