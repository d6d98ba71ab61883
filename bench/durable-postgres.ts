import { spawnSync } from 'node:child_process';
import { chown, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { findBinary, freePort, startProcess, temporaryFolder, until } from '@tenma/test-support';

export interface DurablePostgres extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
}

const versions = ['17', '16', '15', '14', '18'];

/**
 * PostgreSQL as it comes, on a free port of loopback, in a temporary folder. The servers that tests start do not flush
 * to the disk; this one does, because what a commit costs is a part of what is measured.
 */
export async function startDurablePostgres(): Promise<DurablePostgres> {
  const initdb = findBinary('initdb', ...versions.map((each) => `/usr/lib/postgresql/${each}/bin/initdb`));
  if (initdb === undefined) throw new Error('no PostgreSQL on this machine: install the package postgresql');
  const program = (name: string) => initdb.replace(/initdb$/, name);
  const folder = await temporaryFolder();
  const user = unprivilegedUser();
  const data = join(folder.path, 'data');
  await mkdir(data, { mode: 0o700 });
  if (user) for (const path of [folder.path, data]) await chown(path, user.uid, user.gid);
  const identity = { ...user, cwd: folder.path };
  const initialised = spawnSync(
    initdb,
    ['-D', data, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--locale=C'],
    {
      ...identity,
      encoding: 'utf8',
    },
  );
  if (initialised.status !== 0) throw new Error(`initdb failed: ${initialised.stderr}`);
  const port = await freePort();
  const settings = [`port=${port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories='];
  const server = startProcess(
    program('postgres'),
    ['-D', data, ...settings.flatMap((each) => ['-c', each])],
    identity,
  );
  const where = ['-q', '-h', '127.0.0.1', '-p', `${port}`, '-U', 'postgres'];
  const answers = () => spawnSync(program('pg_isready'), where).status === 0;
  await until(answers, { timeoutMs: 20_000, everyMs: 50, what: 'PostgreSQL answering' });
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    pid: server.child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      await server.kill('SIGINT');
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** PostgreSQL refuses to run as root; root lends it another user. */
function unprivilegedUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string) => {
    const answer = spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' });
    if (answer.status !== 0)
      throw new Error('PostgreSQL does not run as root, and there is no user postgres');
    return Number(answer.stdout);
  };
  return { uid: id('-u'), gid: id('-g') };
}
