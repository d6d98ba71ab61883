/** `npm run check`: everything that can be said about the code without running it. All parts run, then one verdict. */
import { spawn } from 'node:child_process';

const checks: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ['types', 'tsc', '--pretty', 'false'],
  ['lint', 'oxlint', '--type-aware', '--quiet'],
  ['format', 'biome', 'format', '--colors=off', '.'],
  ['unused', 'knip', '--no-progress'],
  ['generated', 'node', 'tools/generate.ts', '--check'],
];

function run(command: string, args: string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

const results = await Promise.all(
  checks.map(async ([name, command, ...args]) => {
    const started = performance.now();
    const { code, output } = await run(command, args);
    return { name, code, output, seconds: (performance.now() - started) / 1000 };
  }),
);
for (const { name, code, output, seconds } of results) {
  console.log(`${code === 0 ? 'ok  ' : 'FAIL'} ${name} (${seconds.toFixed(1)} s)`);
  if (code !== 0) console.log(output.trimEnd());
}
process.exitCode = results.some((result) => result.code !== 0) ? 1 : 0;
