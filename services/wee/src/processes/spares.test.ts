import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder, until } from '@tenma/test-support';
import { describe, expect, it } from 'vitest';
import { components, patience, requestOf, startProcesses, testingPackage } from './fixtures/groups.ts';
import { createSpares } from './spares.ts';

describe('spares', patience, () => {
  it('tell what is in a package', async () => {
    await using spares = createSpares(components, { environment: {} });
    const versions = await spares.inspect(testingPackage);
    expect(versions.map(({ specifier, type }) => `${specifier} ${type.type}`)).toContain(
      '@tenma/workers/testing echo',
    );
  });

  it('tell why a package does not load', async () => {
    await using folder = await temporaryFolder();
    await using spares = createSpares(components, { environment: {} });
    await expect(spares.inspect('@tenma/nothing')).rejects.toThrow('@tenma/nothing');
    const ending = join(folder.path, 'ending.mjs');
    await writeFile(ending, 'process.exit(3);');
    await expect(spares.inspect(ending)).rejects.toThrow('exit code 3');
  });

  it.each(['await new Promise(() => setInterval(() => {}, 1000));', 'for (;;);'])(
    'do not wait for ever for a package that does `%s`',
    async (source) => {
      await using folder = await temporaryFolder();
      const endless = join(folder.path, 'endless.mjs');
      await writeFile(endless, source);
      await using spares = createSpares(components, { environment: {}, loadMs: 700 });
      await expect(spares.inspect(endless)).rejects.toThrow('had not loaded its packages in 700 ms');
    },
  );

  it('leave no process behind', async () => {
    const count = () => process.getActiveResourcesInfo().filter((kind) => kind === 'ProcessWrap').length;
    const before = count();
    const processes = await startProcesses();
    expect(count()).toBeGreaterThan(before);
    await processes[Symbol.asyncDispose]();
    await until(() => count() <= before);
  });

  it('hand over a process that has been started before, and have another one soon', async () => {
    await using processes = await startProcesses();
    const echo = processes.version('echo');
    const { spares } = processes;
    for (let count = 0; count < 2; count += 1) {
      await until(() => spares.stock === 1, { timeoutMs: 60_000 });
      const before = await children();
      const member = await spares.take(echo);
      expect(before.map((pid) => `process ${pid}`)).toContain(member.name);
      member.kill();
    }
  });

  it('replace one that has died', async () => {
    await using processes = await startProcesses();
    const { spares } = processes;
    await until(() => spares.stock === 1, { timeoutMs: 60_000 });
    for (const pid of await children()) process.kill(pid, 'SIGKILL');
    await until(() => spares.stock === 0);
    await until(() => spares.stock === 1, { timeoutMs: 60_000 });
    const member = await spares.take(processes.version('echo'));
    member.kill();
  });

  it('give a process even when none is in stock', async () => {
    await using processes = await startProcesses({ spares: 0 });
    const echo = processes.version('echo');
    const member = await processes.spares.take(echo);
    const ended = new Promise((resolve) => {
      member.run({ ...requestOf(echo, 'hello').run, run_id: 1 }, resolve);
    });
    expect(await ended).toEqual({ kind: 'succeeded', run_id: 1, output: 'hello' });
    member.kill();
    expect((await member.gone).runIds).toEqual([]);
  });

  it('hold no threads until one is taken, and then as many as processes', async () => {
    await using processes = await startProcesses({ spares: 2 });
    const { spares } = processes;
    await until(() => spares.stock === 2, { timeoutMs: 60_000 });
    expect(spares.threads).toBe(0);
    const echo = processes.version('echo', 'thread');
    for (let count = 0; count < 2; count += 1) {
      const member = await spares.take(echo);
      expect(member.name).toContain('thread');
      const ended = new Promise((resolve) => {
        member.run({ ...requestOf(echo, 'hello').run, run_id: 1 }, resolve);
      });
      expect(await ended).toMatchObject({ output: 'hello' });
      member.kill();
      await until(() => spares.threads === 2, { timeoutMs: 60_000 });
    }
    expect(spares.stock).toBe(2);
  });

  it('do not wait for a thread that waits itself', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'waiting.mjs');
    const begun = join(folder.path, 'begun');
    await writeFile(path, waiting);
    await using processes = await startProcesses();
    const [version] = await processes.spares.inspect(path);
    if (!version) throw new Error('there is one');
    const member = await processes.spares.take({
      ...version,
      type: { ...version.type, isolation: 'thread' },
    });
    member.run({ ...requestOf(version, begun).run, run_id: 1 }, () => undefined);
    await until(() => existsSync(begun));
    member.kill();
    const { runIds, error } = await member.gone;
    expect(runIds).toEqual([1]);
    expect(error.message).toBe("the worker's thread would not end");
  });

  it('refuse a version that its package no longer holds', async () => {
    await using processes = await startProcesses();
    const echo = processes.version('echo');
    const gone = { ...echo, type: { ...echo.type, version: '7.0.0' } };
    await expect(processes.spares.take(gone)).rejects.toThrow('there is no "echo" 7.0.0 in it');
  });

  it('have loaded no package, so that one that throws later ends its own process alone', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'late.mjs');
    await writeFile(path, late);
    await using processes = await startProcesses();
    const { spares } = processes;
    const [version] = await spares.inspect(path);
    if (!version) throw new Error('there is one');
    await until(() => spares.stock === 1, { timeoutMs: 60_000 });
    const echo = await spares.take(processes.version('echo'));
    const faulty = await spares.take(version);
    await until(() => spares.stock === 1, { timeoutMs: 60_000 });
    const before = await children();
    expect((await faulty.gone).error.message).toContain('exit code 70');
    expect(spares.stock).toBe(1);
    const ended = new Promise((resolve) => {
      echo.run({ ...requestOf(processes.version('echo'), 'well').run, run_id: 1 }, resolve);
    });
    expect(await ended).toMatchObject({ output: 'well' });
    echo.kill();
    const next = await spares.take(processes.version('echo'));
    expect(before.map((pid) => `process ${pid}`)).toContain(next.name);
    next.kill();
  });
});

/** The processes that this one has started and that still run. */
async function children(): Promise<number[]> {
  const lists = await Promise.all(
    (await readdir('/proc/self/task')).map((task) => readFile(`/proc/self/task/${task}/children`, 'utf8')),
  );
  return lists.flatMap((list) => list.split(' ').filter(Boolean).map(Number));
}

const late = `
import { defineWorker } from ${JSON.stringify(import.meta.resolve('@tenma/worker'))};
import { z } from ${JSON.stringify(import.meta.resolve('zod'))};
setTimeout(() => { throw new Error('late'); }, 3_000);
export default defineWorker({
  type: 'late', version: '1.2.3', description: 'Throws.',
  input: z.unknown(), output: z.string(), run: () => 'hello',
});
`;

const waiting = `
import { execFileSync } from 'node:child_process';
import { defineWorker } from ${JSON.stringify(import.meta.resolve('@tenma/worker'))};
import { z } from ${JSON.stringify(import.meta.resolve('zod'))};
export default defineWorker({
  type: 'waiting', version: '1.0.0', description: 'Waits.', input: z.string(), output: z.null(),
  run({ input }) {
    execFileSync('sh', ['-c', '> "$0"; exec sleep 5', input]);
    return null;
  },
});
`;
