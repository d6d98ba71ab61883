import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { idSchema } from '@tenma/protocol';
import { UsageError } from '../cli-errors.ts';
import type { CommandGroup } from '../command.ts';
import type { Session } from '../session.ts';
import { builtInTypes } from '../built-in-types.ts';
import { type WorkerPackage, type WorkerPlace, workerPackage } from '../worker-package.ts';

/** The checkout that this command belongs to. */
const checkout = resolve(fileURLToPath(new URL('../../../..', import.meta.url)));
/** Where it looks for tests of workers that are not its own. */
const testedFolders = ['my-workers', 'examples'].map((name) => join(checkout, name) + sep);

interface NewOptions {
  dir?: string;
  js?: boolean;
}

/** `tenma worker new`: a worker that works, with a test that passes, to be changed into another. */
export const workerNewCommand: CommandGroup = (worker, act) => {
  worker
    .command('new')
    .description('make the folder of a new worker, with a test')
    .argument('<name>', 'its task type: lower-case letters, digits, hyphens and underscores')
    .option('--dir <folder>', 'default: my-workers/NAME')
    .option('--js', 'in JavaScript')
    .action(act<NewOptions>((session, [name = ''], options) => newWorker(session, name, options)));
};

async function newWorker({ output }: Session, name: string, options: NewOptions): Promise<void> {
  if (!idSchema.safeParse(name).success) {
    throw new UsageError(
      `${JSON.stringify(name)} is no name for a task type`,
      'Use up to 63 lower-case letters, digits, hyphens and underscores, beginning with a letter or a digit.',
    );
  }
  if ((await builtInTypes()).includes(name)) {
    throw new UsageError(
      `${name} is a built-in task type: a worker of that name would count as another version of it`,
      `Choose another name, for instance my-${name}.`,
    );
  }
  const given = options.dir ?? join('my-workers', name);
  // The commands are run in the checkout: a relative path is one from there.
  const folder = process.cwd() === checkout ? given : resolve(given);
  const place = placeOf(resolve(folder));
  const made = workerPackage({ name, folder, language: options.js === true ? 'js' : 'ts', place });
  await write(folder, made);
  output.data({ type: name, folder, files: Object.keys(made.files), commands: made.commands }, () =>
    Object.keys(made.files)
      .map((file) => `${join(folder, file)}\n`)
      .join(''),
  );
  if (place === 'checkout')
    output.note(`npm test does not look in ${folder}, unless it is named with --root`);
  if (place === 'elsewhere')
    output.note(`${folder} finds no @tenma/worker by itself, which is not published yet: begin with sdk:`);
  if (place === 'elsewhere' || folder !== given) output.note(`Run these in ${checkout}`);
  for (const [what, command] of Object.entries(made.commands)) output.note(`${what}: ${command}`);
}

function placeOf(path: string): WorkerPlace {
  if (testedFolders.some((tested) => path.startsWith(tested))) return 'tested';
  return path.startsWith(checkout + sep) ? 'checkout' : 'elsewhere';
}

/** @throws UsageError when there is something in the folder already, or it cannot be written */
async function write(folder: string, { files }: WorkerPackage): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    const [first] = await readdir(folder);
    if (first !== undefined) {
      throw new UsageError(
        `${folder} is not empty: it holds ${first}`,
        'Choose another name, or another folder with --dir.',
      );
    }
    for (const [file, text] of Object.entries(files)) {
      await writeFile(join(folder, file), text, { flag: 'wx' });
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError((error as Error).message, 'Name a folder that can be written with --dir.');
  }
}
