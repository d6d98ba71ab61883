import { existsSync } from 'node:fs';
import { getPriority } from 'node:os';
import { slotsOfProcess } from '@tenma/protocol';
import { manualClock } from '@tenma/runtime';
import { temporaryFolder, until } from '@tenma/test-support';
import type { WorkerVersion } from '@tenma/worker/messages';
import { afterAll, describe, expect, it } from 'vitest';
import { codeOf, components, patience, requestOf, startProcesses } from './fixtures/groups.ts';
import type { Member, Spares } from './interfaces.ts';
import { createWorkerGroup } from './worker-group.ts';

interface Watch {
  readonly spares: Spares;
  readonly taken: readonly Member[];
  /** How often they were asked what an input costs. */
  readonly asked: number;
  refuse: string | null;
}

/** Notes whom the spares give away, and gives none while `refuse` says why. */
function watched(spares: Spares): Watch {
  const watch = {
    taken: [] as Member[],
    asked: 0,
    refuse: null as string | null,
    spares: {
      inspect: (specifier: string) => spares.inspect(specifier),
      async take(worker: WorkerVersion) {
        if (watch.refuse) throw new Error(watch.refuse);
        const member = await spares.take(worker);
        watch.taken.push(member);
        const estimate = member.estimate.bind(member);
        member.estimate = (...question) => {
          watch.asked += 1;
          return estimate(...question);
        };
        return member;
      },
      [Symbol.asyncDispose]: () => spares[Symbol.asyncDispose](),
    },
  };
  return watch;
}

const pidOf = (member: Member | undefined) => Number(member?.name.replace('process ', ''));

const processes = await startProcesses();
afterAll(() => processes[Symbol.asyncDispose]());

describe('a worker group', patience, () => {
  it('runs attempts side by side and gives their outputs', async () => {
    const echo = processes.version('echo');
    await using group = await processes.group(echo, { min: 2, max: 2 });
    const outcomes = await Promise.all([1, 2, 3].map((n) => group.start(requestOf(echo, { n })).ended));
    expect(outcomes).toEqual([1, 2, 3].map((n) => ({ outcome: 'succeeded', output: { n } })));
    expect(group.running).toBe(0);
    expect(group.busy).toBe(0);
  });

  it('has no process until there is an attempt, where none has to stand ready', async () => {
    const echo = processes.version('echo');
    await using group = createWorkerGroup({ ...components, spares: processes.spares }, echo, {
      min: 0,
      max: 1,
    });
    expect(group.processes).toBe(0);
    expect(codeOf(await group.start(requestOf(echo)).ended)).toBe('succeeded');
    expect(group.processes).toBe(1);
  });

  it('grows when less than a quarter of its slots is free, and shrinks when it has nothing to do', async () => {
    const sleep = processes.version('sleep');
    const watch = watched(processes.spares);
    await using group = createWorkerGroup({ ...components, spares: watch.spares }, sleep, {
      min: 1,
      max: 2,
      idleMs: 200,
    });
    await group.ready();
    const start = (slots: number) =>
      group.start(requestOf(sleep, { ms: 60_000 }, { slots, timeoutMs: 90_000 }));
    const first = start(70);
    expect(group.busy).toBe(70);
    await group.start(requestOf(sleep, { ms: 300 })).ended;
    expect(group.processes).toBe(1);
    const second = start(10);
    // Not by `processes`: it goes again, maybe before that is looked at.
    await until(() => watch.taken.length === 2, { timeoutMs: 60_000 });
    first.cancel();
    second.cancel();
    await until(() => group.processes === 1);
    await Promise.race(watch.taken.map(({ gone }) => gone));
    expect(group.running).toBe(0);
  });

  it('gives each attempt to the process with most room, and lets the others wait in their order', async () => {
    const sleep = processes.version('sleep');
    await using group = await processes.group(sleep, { min: 2, max: 2 });
    await until(() => group.processes === 2, { timeoutMs: 60_000 });
    const ends: string[] = [];
    const start = (name: string, slots: number, ms: number) => {
      const attempt = group.start(requestOf(sleep, { ms }, { slots, timeoutMs: 90_000 }));
      void attempt.ended.then((outcome) => ends.push(`${name} ${codeOf(outcome)}`));
      return attempt;
    };
    const one = start('one', 60, 60_000);
    const two = start('two', slotsOfProcess, 60_000);
    start('whole', slotsOfProcess, 10);
    start('small', 1, 10);
    expect(group.busy).toBe(261);
    one.cancel();
    await until(() => ends.length === 3);
    two.cancel();
    await two.ended;
    expect(ends).toEqual(['one cancelled', 'whole succeeded', 'small succeeded', 'two cancelled']);
  });

  it('lets a small attempt pass once the large one before it is cancelled', async () => {
    const sleep = processes.version('sleep');
    await using group = await processes.group(sleep);
    const blocker = group.start(requestOf(sleep, { ms: 60_000 }, { slots: 50, timeoutMs: 90_000 }));
    const whole = group.start(requestOf(sleep, { ms: 10 }, { slots: slotsOfProcess }));
    const small = group.start(requestOf(sleep, { ms: 10 }));
    whole.cancel();
    expect(await whole.ended).toEqual({ outcome: 'cancelled' });
    expect(codeOf(await small.ended)).toBe('succeeded');
    blocker.cancel();
    expect(await blocker.ended).toEqual({ outcome: 'cancelled' });
  });

  it('cancels a running attempt, and one that ignores it', async () => {
    for (const type of ['sleep', 'stubborn']) {
      const worker = processes.version(type);
      await using group = await processes.group(worker);
      const attempt = group.start(requestOf(worker, { ms: 60_000 }));
      attempt.cancel();
      expect(await attempt.ended).toEqual({ outcome: 'cancelled' });
    }
  });

  it('fails what waits, and does not hang, when no process can be started three times in a row', async () => {
    const watch = watched(processes.spares);
    const echo = processes.version('echo');
    watch.refuse = 'no memory';
    await using group = createWorkerGroup({ ...components, spares: watch.spares }, echo, { min: 0, max: 2 });
    await expect(group.ready()).rejects.toThrow('no memory');
    const outcome = await group.start(requestOf(echo)).ended;
    expect(outcome).toMatchObject({
      error: {
        code: 'worker_crashed',
        retryable: true,
        message: expect.stringContaining('no memory') as unknown,
      },
    });
    watch.refuse = null;
    expect(codeOf(await group.start(requestOf(echo)).ended)).toBe('succeeded');
  });

  it('is not ready with a package that does not load', async () => {
    const worker = { ...processes.version('echo'), specifier: '@tenma/nothing' };
    await expect(processes.group(worker, { min: 0 })).rejects.toThrow('@tenma/nothing');
  });

  it('takes the slots of the type for an estimate, and all of a process where the worker does not say', async () => {
    const echo = processes.version('echo');
    await using group = await processes.group(echo);
    expect(await group.estimate({})).toBe(1);
    const silent: WorkerVersion = { ...echo, type: { ...echo.type, cost: 'by_input', version: '9.9.9' } };
    const unknown = await processes.group(silent).catch((error: unknown) => error);
    expect(String(unknown)).toContain('9.9.9');
    await using asked = await processes.group({ ...echo, type: { ...echo.type, cost: 'by_input' } });
    expect(await asked.estimate({})).toBeGreaterThanOrEqual(1);
    expect(await asked.compare(1, 2)).toBe(false);
  });

  it('takes all of a process when the worker is silent for a second', async () => {
    const spin = processes.version('spin');
    const asking: WorkerVersion = { ...spin, type: { ...spin.type, cost: 'by_input' } };
    const watch = watched(processes.spares);
    await using group = createWorkerGroup({ ...components, spares: watch.spares }, asking, {
      min: 1,
      max: 1,
      abortGraceMs: 60_000,
    });
    await group.ready();
    const attempt = group.start(requestOf(spin, {}, { timeoutMs: 60_000 }));
    // The question may come before the attempt, and is answered then.
    await until(async () => (await group.estimate({})) === slotsOfProcess);
    const { asked } = watch;
    expect(await group.estimate({})).toBe(slotsOfProcess);
    expect(watch.asked, 'it is not asked again').toBe(asked);
    attempt.cancel();
  });

  it('asks what an input costs again once the silence is over', async () => {
    const stubborn = processes.version('spin');
    const asking: WorkerVersion = { ...stubborn, type: { ...stubborn.type, cost: 'by_input' } };
    await using group = await processes.group(asking, { abortGraceMs: 200 });
    const attempt = group.start(requestOf(stubborn, {}, { timeoutMs: 60_000 }));
    await until(async () => (await group.estimate({})) === slotsOfProcess);
    attempt.cancel();
    await attempt.ended;
    await until(async () => (await group.estimate({})) < slotsOfProcess);
  });

  it('does not take a comparison that was not made for a difference', async () => {
    const spin = processes.version('spin');
    const clock = manualClock();
    const watch = watched(processes.spares);
    const group = createWorkerGroup({ ...components, clock, spares: watch.spares }, spin, { min: 1, max: 1 });
    await group.ready();
    expect(await group.compare(1, 1)).toBe(false);
    void group.start(requestOf(spin, {}, { timeoutMs: 60_000 }));
    await new Promise((resolve) => setImmediate(resolve));
    let answer: boolean | null | undefined;
    void group.compare(1, 1).then((same) => (answer = same));
    await clock.advance(9_900);
    expect(answer).toBeUndefined();
    await clock.advance(100);
    expect(answer).toBeNull();
    const dying = group.compare(1, 1);
    await new Promise((resolve) => setImmediate(resolve));
    for (const member of watch.taken) member.kill();
    expect(await dying).toBeNull();
    await Promise.all([clock.advance(10_000), group[Symbol.asyncDispose]()]);
  });

  it('gives heavy attempts processes that come after the others', async () => {
    const watch = watched(processes.spares);
    const [heavy, light] = await Promise.all(
      ['heap', 'echo'].map((type) => watch.spares.take(processes.version(type))),
    );
    const priorities = watch.taken.map((member) => getPriority(pidOf(member))).sort((a, b) => a - b);
    expect(priorities).toEqual([0, 10]);
    for (const member of [heavy, light]) member?.kill();
  });

  it('takes a large output as a file, and removes one that nobody waits for any more', async () => {
    await using folder = await temporaryFolder();
    await using processes = await startProcesses({ folder: folder.path, heapMb: 256 });
    const large = processes.version('large');
    await using group = await processes.group(large);
    const kept = await group.start(requestOf(large, { bytes: 300_000 })).ended;
    const path = 'file' in kept ? kept.file.path : 'none';
    expect(path).toContain(folder.path);
    expect(existsSync(path)).toBe(true);

    const member = await processes.spares.take(large);
    const closed = createWorkerGroup(
      { ...components, spares: { ...watched(processes.spares).spares, take: () => Promise.resolve(member) } },
      large,
      { min: 1, max: 1 },
    );
    await closed.ready();
    let written = '';
    const run = member.run.bind(member);
    member.run = (job, onEvent) =>
      run(job, (event) => {
        if ('file' in event) {
          written = event.file.path;
          void closed[Symbol.asyncDispose]();
        }
        onEvent(event);
      });
    void closed.start(requestOf(large, { bytes: 300_000 }));
    await until(() => written !== '' && !existsSync(written));
    expect(existsSync(path)).toBe(true);
  });

  it('leaves no process behind', async () => {
    const members = [await processes.spares.take(processes.version('echo'))];
    const spares = { ...watched(processes.spares).spares, take: () => Promise.resolve(members[0] as Member) };
    const group = createWorkerGroup({ ...components, spares }, processes.version('echo'), { min: 1, max: 1 });
    await group.ready();
    const pid = pidOf(members[0]);
    expect(() => process.kill(pid, 0)).not.toThrow();
    await group[Symbol.asyncDispose]();
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});
