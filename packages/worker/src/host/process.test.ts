import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { measureStalls, until } from '@tenma/test-support';
import { describe, expect, test } from 'vitest';
import { fixtures, startProcess, type TestProcess } from './fixtures/test-host.ts';
import { workerHostUrl } from './url.ts';

async function readyProcess(): Promise<TestProcess> {
  const host = startProcess([fixtures]);
  await host.loaded();
  return host;
}

describe('a worker process', () => {
  test('outlives SIGINT and SIGTERM: the WEE drains it', async () => {
    await using host = await readyProcess();
    host.child.kill('SIGINT');
    host.child.kill('SIGTERM');
    host.run({ run_id: 1, type: 'echo', input: 'still here' });
    expect(await host.ended(1)).toMatchObject({ output: 'still here' });
  });

  test('ends with 70 and a stack on stderr when a promise is rejected and nobody awaits it', async () => {
    await using host = await readyProcess();
    host.run({ run_id: 1, type: 'echo', input: 1 }, { run_id: 2, type: 'lose-control', input: null });
    expect(await host.gone).toBe(70);
    await until(() => host.stderr().includes('nobody awaits me'));
  });

  test.each([
    ['lose-control', 70],
    ['exiting', 3],
  ])('has told of all that ended, many megabytes, before `%s` ends it', async (type, code) => {
    await using host = await readyProcess();
    const input = { characters: 100_000 };
    const runs = Array.from({ length: 60 }, (_, n) => ({ run_id: n + 1, type: 'verbose', input }));
    host.run(...runs, { run_id: 100, type, input: null });
    expect(await host.gone).toBe(code);
    for (const { run_id } of runs) expect((await host.ended(run_id)).kind).toBe('succeeded');
  });

  test('ends when the WEE closes its pipe', async () => {
    await using host = await readyProcess();
    host.run({ run_id: 1, type: 'waiting', input: null });
    host.leave();
    expect(await host.gone).toBe(0);
  });

  test('says what it is for when it is started by hand', async () => {
    const child = spawn(process.execPath, [fileURLToPath(workerHostUrl)], { stdio: 'ignore' });
    expect(await once(child, 'exit')).toEqual([64, null]);
  });

  test.each(['waiting', 'spin'])('dies within a second of its parent while it runs `%s`', async (type) => {
    const program = fileURLToPath(new URL('./fixtures/parent.ts', import.meta.url));
    const parent = spawn(process.execPath, [program, type], { stdio: ['ignore', 'pipe', 'inherit'] });
    // Also where this test fails before: what is left would run for ever, and hold what it has inherited.
    using _ = { [Symbol.dispose]: () => void parent.kill('SIGKILL') };
    const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
    const pid = Number(line);
    expect(isAlive(pid)).toBe(true);
    // What the machine keeps from this process, it may keep from the orphan as well.
    using stalls = measureStalls();
    const killedAt = performance.now();
    parent.kill('SIGKILL');
    await until(() => !isAlive(pid), { what: 'the end of the orphan' });
    const tookMs = performance.now() - killedAt;
    expect(tookMs).toBeLessThan(1_000 + stalls.lateMs);
  });
});

/** A zombie is dead: who reaps an orphan, and when, is the affair of the machine. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    if (process.platform !== 'linux') return true;
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
