import { spawnSync } from 'node:child_process';
import { chown, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  findBinary,
  freePort,
  type ServerProcess,
  sharedServer,
  startProcess,
  temporaryFolder,
  type TestServer,
  until,
} from './server.ts';

/** A server of one's own, for tests that take it away. */
export interface OwnPostgres extends TestServer {
  readonly port: number;
  /** Default SIGQUIT: every connection ends at once, as in a crash. Resolves when nothing listens any more. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** After `stop`: the same data on the same port. Resolves when it answers. */
  start(): Promise<void>;
}

/**
 * The PostgreSQL that the tests share, or undefined where there is none. Use a schema of a random name and drop it.
 */
export function sharedPostgres(): Promise<TestServer | undefined> {
  return sharedServer({
    name: 'PostgreSQL',
    variable: 'TENMA_TEST_POSTGRES_URL',
    defaultPort: 5432,
    defaultUrl: 'postgres://postgres@127.0.0.1:5432/test',
    start: binaries() && (() => startPostgres()),
    howToGet: 'install the package postgresql',
  });
}

/** Whether this machine can run `startPostgres`. */
export function canStartPostgres(): boolean {
  return binaries() !== undefined;
}

interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly isReady: string;
}

/** Debian keeps the server's programs outside the PATH, in a folder for each version. */
function binaries(): Binaries | undefined {
  const folders = ['17', '16', '15', '14', '18'].map((version) => `/usr/lib/postgresql/${version}/bin/`);
  const initdb = findBinary('initdb', ...folders.map((folder) => `${folder}initdb`));
  if (initdb === undefined) return undefined;
  const sibling = (name: string) => initdb.replace(/initdb$/, name);
  return { initdb, postgres: sibling('postgres'), isReady: sibling('pg_isready') };
}

/** PostgreSQL refuses to run as root; root lends it another user. */
function unprivilegedUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const user of ['postgres', 'nobody']) {
    const [uid, gid] = ['-u', '-g'].map((flag) => {
      const answer = spawnSync('id', [flag, user], { encoding: 'utf8' });
      return answer.status === 0 ? Number(answer.stdout) : undefined;
    });
    if (uid !== undefined && gid !== undefined) return { uid, gid };
  }
  throw new Error('PostgreSQL does not run as root, and there is neither a user postgres nor nobody');
}

/**
 * A server in a temporary folder on a free port of loopback, open to everybody there. It does not flush to the disk:
 * it survives being killed, not a power cut.
 */
export async function startPostgres(): Promise<OwnPostgres> {
  const programs = binaries();
  if (!programs) throw new Error('no PostgreSQL on this machine: install the package postgresql');
  const folder = await temporaryFolder();
  const user = unprivilegedUser();
  const data = join(folder.path, 'data');
  await mkdir(data, { mode: 0o700 });
  if (user) for (const path of [folder.path, data]) await chown(path, user.uid, user.gid);
  const identity = { ...user, cwd: folder.path };
  const initialised = spawnSync(
    programs.initdb,
    ['-D', data, '-U', 'postgres', '--auth=trust', '--no-sync', '--encoding=UTF8', '--locale=C'],
    { ...identity, encoding: 'utf8' },
  );
  if (initialised.status !== 0) {
    await folder[Symbol.asyncDispose]();
    throw new Error(`initdb failed: ${initialised.stderr}`);
  }

  const port = await freePort();
  const isReady = () =>
    spawnSync(programs.isReady, ['-q', '-h', '127.0.0.1', '-p', `${port}`, '-U', 'postgres']).status === 0;
  let server: ServerProcess | undefined;

  async function start(): Promise<void> {
    const settings = [`port=${port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off'];
    const launch = () =>
      startProcess(
        programs?.postgres ?? '',
        ['-D', data, ...settings.flatMap((each) => ['-c', each])],
        identity,
      );
    server ??= launch();
    await until(
      async () => {
        if (isReady()) return true;
        // After a kill the backends outlive the postmaster for a moment, and a new one refuses to start beside them.
        if (server?.child.exitCode !== null) {
          await server?.[Symbol.asyncDispose]();
          server = launch();
        }
        return false;
      },
      { timeoutMs: 20_000, everyMs: 50, what: 'PostgreSQL to answer' },
    );
  }

  async function stop(signal: NodeJS.Signals = 'SIGQUIT'): Promise<void> {
    await server?.kill(signal);
    await server?.[Symbol.asyncDispose]();
    server = undefined;
  }

  await start();
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    origin: 'started',
    port,
    start,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}
