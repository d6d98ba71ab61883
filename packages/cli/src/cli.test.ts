import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type FakeLe, startFakeLe } from '@tenma/client/testing';
import { problemSchema, type Task } from '@tenma/protocol';
import { freePort } from '@tenma/test-support';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { cli } from './cli-fixture.ts';
import { aPool, aType, aWee } from './fabric-fixture.ts';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));

/** Starts the CLI as a process, as somebody at a prompt would. */
function start(args: readonly string[], environment: Record<string, string> = {}) {
  const child = spawn(process.execPath, [main, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], ...environment },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => (stdout += String(chunk)));
  child.stderr.on('data', (chunk) => (stderr += String(chunk)));
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) =>
    child.on('close', (code) => resolve({ code, stdout, stderr })),
  );
  return { child, ended };
}

function run(args: readonly string[], environment?: Record<string, string>) {
  const { child, ended } = start(args, environment);
  child.stdin.end();
  return ended;
}

const succeed = (task: Task) =>
  task.type === 'slow' ? undefined : ({ state: 'succeeded', output: { ok: true } } as const);
const pool = { pool: 'echo-1', type: 'echo', labels: [], slots: 4, running: 1, held: 0 };
const echo = aType('echo');
const lists = {
  'task-types': [echo],
  workers: [aWee({ pools: [aPool(pool)], types: [echo] })],
  pools: [{ ...pool, region: 'tokyo', queued: null, backlog: 0, wees: ['wee-1'] }],
};
const unknownId = '01990b4c-6f2a-7cc3-9d5e-0f6d2f1a7b10';

/** Every leaf, with what it needs to succeed. */
const leaves: readonly (readonly [args: string[], shape: z.ZodType])[] = [
  [
    ['task', 'run', 'echo', '-i', 'a=1'],
    z.object({ state: z.literal('succeeded'), output: z.object({ ok: z.literal(true) }) }),
  ],
  [['task', 'run', 'echo', '--no-wait'], z.object({ id: z.string(), state: z.literal('accepted') })],
  [['task', 'get', 'ENDED'], z.object({ id: z.string() })],
  [['task', 'explain', 'OPEN'], z.object({ summary: z.string(), lines: z.array(z.string()) })],
  [['task', 'output', 'ENDED'], z.literal(1)],
  [['task', 'ls'], z.array(z.object({ id: z.string() })).min(1)],
  [['task', 'watch', 'ENDED'], z.object({ kind: z.literal('result') })],
  [['task', 'cancel', 'OPEN'], z.tuple([z.object({ state: z.literal('cancelled') })])],
  [['task', 'retry', 'AGAIN'], z.tuple([z.object({ state: z.literal('accepted') })])],
  [['type', 'ls'], z.tuple([z.object({ type: z.literal('echo') })])],
  [['type', 'get', 'echo'], z.object({ type: z.literal('echo') })],
  [['worker', 'ls'], z.tuple([z.object({ wee_id: z.literal('wee-1') })])],
  [['pool', 'ls'], z.tuple([z.object({ pool: z.literal('echo-1') })])],
  [
    ['doctor', '--exit-code'],
    z.object({ ok: z.literal(true), checks: z.array(z.object({ name: z.string() })) }),
  ],
];

function withIds(args: readonly string[], le: FakeLe): string[] {
  const ids: Record<string, () => string> = {
    ENDED: () => le.change(le.add({ type: 'slow' }).id, { state: 'succeeded', output: 1 }).id,
    OPEN: () => le.add({ type: 'slow' }).id,
    AGAIN: () => le.change(le.add({ type: 'slow' }).id, { state: 'failed' }).id,
  };
  return args.map((arg) => ids[arg]?.() ?? arg);
}

describe('every command', () => {
  it('with --json prints one JSON document on stdout, nothing on stderr, and exits 0', {
    timeout: 60_000,
  }, async () => {
    await using le = await startFakeLe({ run: succeed, lists });
    le.add({ type: 'slow' });
    await Promise.all(
      leaves.map(async ([args, shape]) => {
        const { code, stdout, stderr } = await run([...withIds(args, le), '--json'], {
          TENMA_API_URL: le.url,
        });
        expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: '' });
        expect(stdout.endsWith('\n')).toBe(true);
        expect({ args, ...shape.safeParse(JSON.parse(stdout)) }).toMatchObject({ args, success: true });
      }),
    );
  });

  it('against a server that is not there exits 1 with a remedy as JSON on stderr', {
    timeout: 60_000,
  }, async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    await Promise.all(
      leaves.map(async ([args], index) => {
        const ids = args.map((arg) => (arg === arg.toUpperCase() ? unknownId : arg));
        const line = ['--json', '--api', url, ...ids];
        // One of them as a process; the others in this one, for the sake of the machine.
        const { code, stdout, stderr } = index === 0 ? await run(line) : await cli({ url }, line);
        expect({ args, code }).toEqual({ args, code: 1 });
        const { error } = z.object({ error: problemSchema }).parse(JSON.parse(stderr));
        expect(error).toMatchObject({ code: 'unreachable', hint: expect.stringContaining('npm start') });
        // `doctor` and changes of several tasks tell what they did find out.
        if (stdout !== '') expect(() => JSON.parse(stdout) as unknown).not.toThrow();
      }),
    );
  });
});

describe('Ctrl-C while waiting', () => {
  const waits = ({ path }: { path: string }) => path.includes('wait=');

  it('lets go of the task and tells how to follow it', async () => {
    await using le = await startFakeLe();
    const asked = le.next(waits);
    const { child, ended } = start(['task', 'run', 'slow', '--api', le.url]);
    await asked;
    child.kill('SIGINT');
    const { code, stdout, stderr } = await ended;
    const [id] = le.tasks.keys();
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
    expect(stderr).toContain(`tenma task watch ${id}`);
    expect([...le.tasks.values()]).toMatchObject([{ state: 'accepted' }]);
  });

  it('cancels the task with --cancel-on-interrupt', async () => {
    await using le = await startFakeLe();
    const asked = le.next(waits);
    const { child, ended } = start([
      'task',
      'run',
      'slow',
      '--cancel-on-interrupt',
      '--json',
      '--api',
      le.url,
    ]);
    await asked;
    child.kill('SIGINT');
    const { code, stdout, stderr } = await ended;
    expect(code).toBe(130);
    expect(JSON.parse(stdout)).toMatchObject({ state: 'cancelled' });
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'interrupted' } });
    expect([...le.tasks.values()]).toMatchObject([{ state: 'cancelled' }]);
  });

  it('ends `task watch` the same way', async () => {
    await using le = await startFakeLe();
    const { id } = le.add({ type: 'slow' });
    const { child, ended } = start(['task', 'watch', id, '--api', le.url]);
    child.stdout.once('data', () => child.kill('SIGINT'));
    const { code, stdout, stderr } = await ended;
    expect(code).toBe(130);
    expect(stdout).toContain('accepted');
    expect(stderr).toContain(`tenma task watch ${id}`);
  });
});

describe('the first file', () => {
  it('hands over to the CLI', async () => {
    const bin = fileURLToPath(new URL('./bin.mjs', import.meta.url));
    const child = spawn(process.execPath, [bin, '--version'], { stdio: ['ignore', 'pipe', 'inherit'] });
    let stdout = '';
    child.stdout.on('data', (chunk) => (stdout += String(chunk)));
    await new Promise((resolve) => child.on('close', resolve));
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
