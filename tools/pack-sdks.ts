/**
 * `node tools/run.mjs tools/pack-sdks.ts FOLDER`: the packages that are used outside this repository, as JavaScript with
 * type declarations, in tarballs that any npm takes. (Node does not strip types below `node_modules`.)
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** In the order of their dependencies. */
const sdks = ['protocol', 'worker', 'client'] as const;

/** What the emitted code runs on; `tsc` lowers `using`, which is younger. */
const engines = { node: '>=22' };

/** What this reads of a package.json of the repository; every export is a file of TypeScript below `src`. */
interface Manifest {
  name: string;
  version: string;
  license: string;
  exports: Record<string, string>;
  dependencies?: Record<string, string>;
}

/**
 * @param folder gets the tarballs; made when missing
 * @returns their paths, a dependency before what depends on it
 */
export async function packSdks(folder: string): Promise<string[]> {
  const stage = await mkdtemp(join(tmpdir(), 'tenma-pack-'));
  try {
    // The declarations made here are read here: what they import has to be found.
    await symlink(join(root, 'node_modules'), join(stage, 'node_modules'));
    // One after the other: each is compiled against the declarations of those before it.
    for (const name of sdks) await build(name, stage);
    await mkdir(folder, { recursive: true });
    const packages = sdks.map((name) => join(stage, name));
    const args = [
      'pack',
      '--json',
      '--ignore-scripts',
      '--loglevel=error',
      '--pack-destination',
      folder,
      ...packages,
    ];
    const packed = JSON.parse(await run('npm', args)) as { filename: string }[];
    return packed.map(({ filename }) => join(folder, basename(filename)));
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}

/** Puts a publishable package into the stage. */
async function build(name: string, stage: string): Promise<void> {
  const source = join(root, 'packages', name);
  const target = join(stage, name);
  await mkdir(target);
  const manifest = JSON.parse(await readFile(join(source, 'package.json'), 'utf8')) as Manifest;
  await writeJson(join(stage, `${name}.tsconfig.json`), compilerConfig(source, target, stage));
  await run(process.execPath, [
    join(root, 'node_modules/typescript/bin/tsc'),
    '-p',
    join(stage, `${name}.tsconfig.json`),
  ]);
  const exports = Object.fromEntries(
    Object.entries(manifest.exports).map(([path, file]) => {
      const built = file.replace('./src/', './dist/').replace(/\.ts$/, '');
      return [path, { types: `${built}.d.ts`, default: `${built}.js` }];
    }),
  );
  const missing = Object.values(exports).find((entry) => !existsSync(join(target, entry.default)));
  if (missing) throw new Error(`${manifest.name} exports ${missing.default}, which was not built`);
  const { version, license, dependencies } = manifest;
  const type = 'module';
  const published = {
    name: manifest.name,
    version,
    license,
    type,
    exports,
    files: ['dist'],
    engines,
    dependencies,
  };
  await writeJson(join(target, 'package.json'), published);
  await copyFile(join(root, 'LICENSE'), join(target, 'LICENSE'));
  if (existsSync(join(source, 'README.md')))
    await copyFile(join(source, 'README.md'), join(target, 'README.md'));
}

/** The repository's strictness, and an emit. The packages before this one are seen as they will be installed. */
function compilerConfig(source: string, target: string, stage: string): unknown {
  return {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      noEmit: false,
      noEmitOnError: true,
      target: 'es2022',
      declaration: true,
      rewriteRelativeImportExtensions: true,
      rootDir: join(source, 'src'),
      outDir: join(target, 'dist'),
      paths: Object.fromEntries(
        sdks.map((name) => [`@tenma/${name}`, [join(stage, name, 'dist/index.d.ts')]]),
      ),
    },
    include: [join(source, 'src')],
    exclude: [join(source, 'src/**/*.test.ts'), join(source, 'src/**/fixtures')],
  };
}

function writeJson(path: string, value: unknown): Promise<void> {
  return writeFile(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** What the program wrote to stdout. @throws Error with all it said, when it fails */
function run(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolvePromise, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let faults = '';
    child.stdout.on('data', (chunk) => (output += String(chunk)));
    child.stderr.on('data', (chunk) => (faults += String(chunk)));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolvePromise(output);
      else reject(new Error(`${command} ${args.join(' ')} exited ${code}:\n${output}${faults}`));
    });
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder] = process.argv.slice(2);
  if (folder === undefined) throw new Error('usage: node tools/run.mjs tools/pack-sdks.ts FOLDER');
  for (const tarball of await packSdks(resolve(folder))) console.log(tarball);
}
