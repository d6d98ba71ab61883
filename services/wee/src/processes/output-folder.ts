import { lstatSync, renameSync } from 'node:fs';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { limits } from '@tenma/protocol';
import type { Clock } from '@tenma/runtime';
import type { OutputFile } from '@tenma/worker/messages';

/** Where worker processes leave outputs that are too large for a message. */
export interface OutputFolder {
  readonly path: string;
  /**
   * Takes over a file from the process whose files begin with `prefix`, and gives it a name of its own: from then on
   * whoever has it removes it. What a worker says of a file is not believed.
   * @throws Error when it is no regular file of that process and that size, directly in the folder; it is not touched
   */
  takeOver(file: OutputFile, prefix: string): OutputFile;
  /** Removes what a process that is gone has left and nobody has taken over. Never rejects. */
  clear(prefix: string): Promise<void>;
}

const folderName = 'tenma-outputs-';

export function outputFolder(path: string): OutputFolder {
  const folder = resolve(path);
  return {
    path: folder,
    takeOver(file, prefix) {
      const from = resolve(file.path);
      const name = basename(from);
      if (dirname(from) !== folder || !name.startsWith(prefix)) {
        throw new Error(`the file of the output is not where it belongs: ${file.path}`);
      }
      const found = lstatSync(from);
      if (!found.isFile() || found.size !== file.stored_bytes || found.size > limits.blobBytes) {
        throw new Error(`the file of the output is not what it was said to be: ${file.path}`);
      }
      const taken = join(folder, `output-${name}`);
      renameSync(from, taken);
      return { ...file, path: taken };
    },
    async clear(prefix) {
      const names = await readdir(folder).catch(() => []);
      const left = names.filter((name) => name.startsWith(prefix) && name.endsWith('.json.zst'));
      await Promise.all(left.map((name) => removed(join(folder, name))));
    },
  };
}

/** A new folder that goes when it is disposed of. Those of WEEs that did not come so far are removed. */
export async function openOutputFolder(clock: Clock): Promise<{ readonly path: string } & AsyncDisposable> {
  await removeOrphans(clock);
  const path = await mkdtemp(join(tmpdir(), `${folderName}${process.pid}-`));
  return { path, [Symbol.asyncDispose]: () => removed(path) };
}

async function removeOrphans(clock: Clock): Promise<void> {
  const startedAt = clock.now() - process.uptime() * 1_000;
  for (const name of await readdir(tmpdir()).catch(() => [])) {
    const pid = Number(new RegExp(`^${folderName}(\\d+)-`).exec(name)?.[1]);
    if (!(pid > 0)) continue;
    const path = join(tmpdir(), name);
    // A container that is started again has the process id it had before.
    if (pid === process.pid ? await isOlder(path, startedAt) : isDead(pid)) await removed(path);
  }
}

async function isOlder(path: string, than: number): Promise<boolean> {
  const found = await stat(path).catch(() => null);
  return found !== null && found.mtimeMs < than;
}

function isDead(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

/** What belongs to somebody else stays, and is no fault. */
async function removed(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true }).catch(() => undefined);
}
