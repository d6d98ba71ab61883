// Runs a program of this repository under the pinned Node, installing from the lock file first when something
// is missing. Plain JavaScript that an old Node can read: `npm start` begins here on a machine that has any.
//   node tools/run.mjs path/to/file.ts [args]     a TypeScript file
//   node tools/run.mjs vitest run                  a tool from node_modules/.bin
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = join(root, 'node_modules', '.bin');
const stamp = join(root, 'node_modules', '.tenma-lock');
const pinned = join(bin, process.platform === 'win32' ? 'node.cmd' : 'node');

function ensureInstalled() {
  const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
  if (existsSync(pinned) && existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  process.stderr.write('tenma: installing dependencies from the lock file (first run only) …\n');
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (npm.status !== 0) {
    process.stderr.write('tenma: `npm ci` failed; its output above says why.\n');
    process.exit(npm.status ?? 1);
  }
  if (!existsSync(pinned)) {
    process.stderr.write(
      `tenma: no pinned Node for ${process.platform}-${process.arch}; install Node 24 and run the file with it.\n`,
    );
    process.exit(1);
  }
  writeFileSync(stamp, lock);
}

ensureInstalled();
const [program, ...args] = process.argv.slice(2);
const isFile = /\.[mc]?[jt]s$/.test(program);
const [command, argv] = isFile ? [pinned, [join(root, program), ...args]] : [join(bin, program), args];
const child = spawn(command, argv, {
  stdio: 'inherit',
  env: { ...process.env, PATH: `${bin}${process.platform === 'win32' ? ';' : ':'}${process.env.PATH}` },
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
// npm passes a signal to its shell, and the shell dies without a word to us: an orphan stops what it has started.
const parent = process.ppid;
setInterval(() => process.ppid === parent || child.kill('SIGTERM'), 500).unref();
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)));
