#!/usr/bin/env node
// `tenma`: hands over to main.ts under a Node that can run it. Plain JavaScript that an old Node can read.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const needed = 24;
const main = new URL('./main.ts', import.meta.url);

/** The pinned Node of the nearest folder above that has one (`node_modules/.bin/node`). */
function pinnedNode() {
  const name = process.platform === 'win32' ? 'node.cmd' : 'node';
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const candidate = join(folder, 'node_modules', '.bin', name);
    if (existsSync(candidate)) return candidate;
    if (dirname(folder) === folder) return undefined;
    folder = dirname(folder);
  }
}

const pinned = pinnedNode();
if (Number(process.versions.node.split('.')[0]) >= needed) {
  await import(main.href);
} else if (pinned === undefined) {
  process.stderr.write(
    `tenma: needs Node ${needed} or later, and this is ${process.version}.\n` +
      `hint: install Node ${needed} (https://nodejs.org), or run \`npm ci\` in Tenma's repository, which brings its own.\n`,
  );
  process.exitCode = 1;
} else {
  const child = spawn(pinned, [fileURLToPath(main), ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)));
}
