/** Workers share their process with the host, so nothing of what comes from there is believed: in real processes. */
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Json } from '@tenma/protocol';
import { manualClock } from '@tenma/runtime';
import { temporaryFolder, until } from '@tenma/test-support';
import type { WorkerVersion } from '@tenma/worker/messages';
import { afterAll, describe, expect, it } from 'vitest';
import type { Outcome } from './interfaces.ts';
import { codeOf, components, patience, requestOf, startProcesses } from './fixtures/groups.ts';
import { rudePackage } from './fixtures/rude-workers.ts';
import { createWorkerGroup } from './worker-group.ts';

const folder = await temporaryFolder();
const processes = await startProcesses({ folder: folder.path });
const rude = await processes.spares.inspect(rudePackage);
afterAll(async () => {
  await processes[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

function version(type: string): WorkerVersion {
  const found = rude.find((each) => each.type.type === type);
  if (!found) throw new Error(`there is no rude worker "${type}"`);
  return found;
}

/** The first attempt of a new group, which has the run id 1. */
async function firstOf(type: string, input: Json, timeoutMs = 5_000): Promise<Outcome> {
  await using group = await processes.group(version(type));
  return await group.start(requestOf(version(type), input, { timeoutMs })).ended;
}

describe('a worker process that sends what is no message of its host', patience, () => {
  it.each([
    [null],
    ['events'],
    [{ kind: 'events' }],
    [{ kind: 'events', events: [null] }],
    [{ kind: 'events', events: [{ kind: 'succeeded', run_id: '1', output: 1 }] }],
    [{ kind: 'events', events: [{ kind: 'failed', run_id: 1, error: null }] }],
    [{ kind: 'answer' }],
    [{ kind: 'loaded' }],
  ])('is killed for %j, and the WEE lives', async (message) => {
    expect(await firstOf('babbling', message)).toMatchObject({
      error: {
        code: 'worker_crashed',
        message: expect.stringContaining('no message of its host') as unknown,
      },
    });
  });
});

describe('a worker process that has lent its pipe', patience, () => {
  it('is gone when it has ended, however long the borrower lives', async () => {
    const lending = version('lending');
    const member = await processes.spares.take(lending);
    const { run } = requestOf(lending, { script: 'kill -9 $PPID; exec sleep 10' });
    const startedAt = performance.now();
    member.run({ ...run, run_id: 1 }, () => undefined);
    const { runIds, error } = await member.gone;
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(runIds).toEqual([1]);
    expect(error.message).toContain('SIGKILL');
  });
});

describe('a value that is too deep to be sent on', patience, () => {
  // As much as a pipe takes at once.
  const deep = '['.repeat(8_000) + ']'.repeat(8_000);
  const told = (event: string) => ({ text: `{"kind":"events","events":[${event}]}\n` });

  it('fails its attempt when it is an output', async () => {
    const input = told(`{"kind":"succeeded","run_id":1,"output":${deep}}`);
    expect(await firstOf('scribbling', input)).toMatchObject({
      error: {
        code: 'invalid_output',
        message: 'the output is nested deeper than 1000 levels',
        retryable: false,
      },
    });
  });

  it('is left out of an error', async () => {
    const error = `{"code":"mine","message":"wrong","retryable":false,"details":${deep}}`;
    const outcome = await firstOf('scribbling', told(`{"kind":"failed","run_id":1,"error":${error}}`));
    expect(outcome).toEqual({
      outcome: 'failed',
      error: { code: 'mine', message: 'wrong', retryable: false },
    });
  });

  it('is not told when it is progress', async () => {
    const input = told(
      [deep, '1', '[[2]]'].map((each) => `{"kind":"progress","run_id":1,"progress":${each}}`).join(),
    );
    const seen: Json[] = [];
    const worker = version('scribbling');
    await using group = await processes.group(worker);
    const onProgress = (progress: Json) => void seen.push(progress);
    const attempt = group.start(requestOf(worker, input, { onProgress }));
    await until(() => seen.length === 2);
    expect(seen).toEqual([1, [[2]]]);
    attempt.cancel();
    expect(codeOf(await attempt.ended)).toBe('cancelled');
  });
});

describe('a file of an output', patience, () => {
  it('that lies elsewhere is neither read nor removed, and fails the attempt', async () => {
    await using elsewhere = await temporaryFolder();
    const path = join(elsewhere.path, 'precious');
    await writeFile(path, 'hello');
    expect(await firstOf('forging', { run_id: 1, path, size: 5 })).toMatchObject({
      error: { code: 'invalid_output', message: expect.stringContaining(path) as unknown },
    });
    // Of an attempt that nobody waits for it would be removed at once.
    const nobody = firstOf('forging', { run_id: 7, path, size: 5 }, 300);
    expect(codeOf(await nobody)).toBe('attempt_timeout');
    expect(await readFile(path, 'utf8')).toBe('hello');
  });

  it('that was never written fails the attempt', async () => {
    const input = { run_id: 1, own: true, path: 'missing.json.zst', size: 5 };
    expect(codeOf(await firstOf('forging', input))).toBe('invalid_output');
  });

  it('that a process has left is gone soon after it, but for what was taken over', async () => {
    const large = processes.version('large');
    const member = await processes.spares.take(large);
    const ended = new Promise<string>((resolve) => {
      member.run({ ...requestOf(large, { bytes: 300_000 }).run, run_id: 1 }, (event) => {
        if ('file' in event) resolve(event.file.path);
      });
    });
    const taken = await ended;
    const left = join(folder.path, `${member.name.replace('process ', '')}-0-left.json.zst`);
    await writeFile(left, 'half');
    member.kill();
    await until(() => !existsSync(left));
    expect(existsSync(taken)).toBe(true);
    expect((await readdir(folder.path)).filter((name) => name.endsWith('.zst'))).toHaveLength(1);
  });
});

describe('an attempt that ends and leaves behind what kills its process', patience, () => {
  it('does no harm to one that has the process for itself after it', async () => {
    const leaving = version('leaving');
    // By a clock that stands still: whatever dies has died soon after the first attempt.
    const clock = manualClock();
    const { spares } = processes;
    await using group = createWorkerGroup({ ...components, clock, spares }, leaving, { min: 1, max: 1 });
    const first = await group.start(requestOf(leaving, { ms: 0, bomb: true })).ended;
    let restarts = 0;
    const onRestart = () => void (restarts += 1);
    const second = await group.start(requestOf(leaving, { ms: 400 }, { onRestart })).ended;
    expect(first).toEqual({ outcome: 'succeeded', output: 'left' });
    expect(second).toEqual({ outcome: 'succeeded', output: 'stayed' });
    expect(restarts).toBe(1);
  });

  it('is alone with that where suspects are tried', async () => {
    const leaving = version('leaving');
    let taken = 0;
    let victim = 0;
    await using group = createWorkerGroup(
      {
        ...components,
        spares: {
          inspect: (specifier) => processes.spares.inspect(specifier),
          async take(worker) {
            const member = await processes.spares.take(worker);
            taken += 1;
            victim ||= Number(member.name.replace('process ', ''));
            return member;
          },
          [Symbol.asyncDispose]: () => Promise.resolve(),
        },
      },
      leaving,
      { min: 1, max: 1 },
    );
    await group.ready();
    const attempts = [300, 300, 300].map((ms) =>
      group.start(requestOf(leaving, { ms }, { timeoutMs: 60_000 })),
    );
    // They are handed over at the end of the turn.
    await until(() => group.running === 3);
    process.kill(victim, 'SIGKILL');
    for (const { ended } of attempts) expect(codeOf(await ended)).toBe('succeeded');
    // The first process, the one that replaces it, and one for each suspect.
    await until(() => taken === 5);
  });
});
