/**
 * What a worker can do wrong, in real processes: what becomes of its attempt, of an attempt beside it in the same
 * process, of one in another group; and that the group takes attempts again soon after a death.
 */
import type { Json, TaskType } from '@tenma/protocol';
import { measureStalls, slowness, until } from '@tenma/test-support';
import type { WorkerVersion } from '@tenma/worker/messages';
import { afterAll, describe, expect, it } from 'vitest';
import { codeOf, components, patience, requestOf, startProcesses } from './fixtures/groups.ts';
import { rudePackage } from './fixtures/rude-workers.ts';
import type { Member, Outcome, Spares, WorkerGroup } from './interfaces.ts';
import type { StockOfSpares } from './spares.ts';
import { createWorkerGroup } from './worker-group.ts';

/** From the death of a member until its group has run another attempt, in one that comes from the spares. */
const healMs = 500;

interface Misdeed {
  readonly name: string;
  readonly type: string;
  readonly input?: Json;
  readonly timeoutMs?: number;
  /** Of the attempt. */
  readonly code: string;
  readonly message?: string;
  /** Whether the process dies of it. */
  readonly deadly: boolean;
  readonly isolation?: TaskType['isolation'];
  /** It is one of the rude workers. */
  readonly rude?: true;
}

const inProcess: readonly Misdeed[] = [
  { name: 'ends its process', type: 'crash', code: 'worker_crashed', message: 'exit code 1', deadly: true },
  { name: 'kills its process', type: 'killed', code: 'worker_crashed', message: 'SIGKILL', deadly: true },
  {
    name: 'hangs and ignores its abort',
    type: 'stubborn',
    input: { ms: 60_000 },
    timeoutMs: 200,
    code: 'attempt_timeout',
    deadly: true,
  },
  { name: 'blocks the event loop', type: 'spin', timeoutMs: 300, code: 'attempt_timeout', deadly: true },
  { name: 'exhausts the heap', type: 'heap', code: 'worker_crashed', deadly: true },
  {
    name: 'exhausts memory with buffers',
    type: 'buffers',
    code: 'worker_crashed',
    message: 'used more than 200 MiB of memory',
    deadly: true,
  },
  {
    name: 'leaves a rejected promise behind',
    type: 'reject',
    input: { ms: 60_000 },
    code: 'worker_crashed',
    message: 'exit code 70',
    deadly: true,
  },
  {
    name: 'throws in a timer',
    type: 'throw-late',
    input: { ms: 60_000 },
    code: 'worker_crashed',
    message: 'exit code 70',
    deadly: true,
  },
  { name: 'throws', type: 'throw', code: 'worker_error', message: 'thrown on purpose', deadly: false },
  { name: 'returns what it should not', type: 'wrong', code: 'invalid_output', deadly: false },
  {
    name: 'returns too much',
    type: 'large',
    input: { bytes: 65 * 1024 * 1024 },
    timeoutMs: 30_000,
    code: 'result_too_large',
    deadly: false,
  },
];

const pipe = { rude: true, code: 'worker_crashed', deadly: true } as const;

/** What stands between the WEE and a worker process is a pipe that a worker can reach. */
const atPipe: readonly Misdeed[] = [
  {
    ...pipe,
    name: 'writes what is no message into the pipe of its host',
    type: 'scribbling',
    input: { text: 'garbage\n' },
    message: 'sent what is no message of its host',
  },
  {
    ...pipe,
    name: 'writes a line without end there',
    type: 'scribbling',
    input: { text: 'x'.repeat(64 * 1024), endless: true },
    message: 'sent a message of more than',
  },
  {
    ...pipe,
    name: 'lends that pipe to a process, which writes there and lives on',
    type: 'lending',
    input: { script: 'echo garbage >&3; exec sleep 3' },
    message: 'sent what is no message of its host',
  },
  {
    ...pipe,
    name: 'lends that pipe to a process, which ends it and lives on',
    type: 'lending',
    input: { script: 'kill -9 $PPID; exec sleep 3' },
    message: 'SIGKILL',
  },
  ...[3, 4].map((descriptor) => ({
    ...pipe,
    name: `closes its pipe ${descriptor}`,
    type: 'closing',
    input: { pipe: descriptor },
    message: 'closed a pipe of the WEE',
  })),
];

const inThread: readonly Misdeed[] = inProcess
  .filter(({ type }) => ['crash', 'spin', 'heap', 'reject', 'throw-late', 'throw'].includes(type))
  .map((misdeed) => ({ ...misdeed, isolation: 'thread' }));

const processes = await startProcesses({ spares: 2, heapMb: 64, memoryMb: 200 });
const roomy = await startProcesses({ spares: 2, heapMb: 256 });
const bystanders = await processes.group(processes.version('sleep'));
const rude = await processes.spares.inspect(rudePackage);
afterAll(async () => {
  await bystanders[Symbol.asyncDispose]();
  await processes[Symbol.asyncDispose]();
  await roomy[Symbol.asyncDispose]();
});

/** Spares that tell when the first member they gave away has died, and of each whether it had been in stock. */
function observed(spares: StockOfSpares, stock: 'stock' | 'threads') {
  const died = Promise.withResolvers<void>();
  const fromStock: boolean[] = [];
  const watched: Spares = {
    inspect: (specifier) => spares.inspect(specifier),
    async take(worker: WorkerVersion): Promise<Member> {
      const before = spares[stock];
      const taking = spares.take(worker);
      fromStock.push(spares[stock] === before - 1);
      const member = await taking;
      void member.gone.then(() => died.resolve());
      return member;
    },
    [Symbol.asyncDispose]: () => spares[Symbol.asyncDispose](),
  };
  return { spares: watched, fromStock, died: died.promise };
}

interface Healing {
  readonly tookMs: number;
  /** More than was promised only where the machine is slower than usual, or stood still meanwhile. */
  readonly allowedMs: number;
}

/** Runs an attempt in a group whose member has just died. */
async function heal(group: WorkerGroup): Promise<Healing> {
  using stalls = measureStalls();
  const diedAt = performance.now();
  const outcome = await group.start(requestOf(processes.version('echo'))).ended;
  const [tookMs, { lateMs }] = [performance.now() - diedAt, stalls];
  expect(codeOf(outcome)).toBe('succeeded');
  return { tookMs, allowedMs: healMs * slowness() + lateMs };
}

function versionOf({ type, isolation, rude: isRude }: Misdeed): WorkerVersion {
  const found = isRude
    ? rude.find((version) => version.type.type === type)
    : processes.version(type, isolation);
  if (!found) throw new Error(`there is no rude worker "${type}"`);
  return found;
}

interface Committed {
  readonly own: Outcome;
  readonly beside: Outcome;
  readonly elsewhere: Outcome;
  /** Null where no process died of it. */
  readonly healing: Healing | null;
  /** Whether the members that the group took, one after the other, had been in stock. */
  readonly fromStock: readonly boolean[];
}

/** A group whose process holds the workers of the whole package, so that another type can stand beside a misdeed. */
async function commit(misdeed: Misdeed): Promise<Committed> {
  const worker = versionOf(misdeed);
  const stock = misdeed.isolation === 'thread' ? 'threads' : 'stock';
  const used = misdeed.type === 'large' ? roomy : processes;
  const { spares, fromStock, died } = observed(used.spares, stock);
  await using group = createWorkerGroup({ ...components, spares }, worker, {
    min: 1,
    max: 1,
    abortGraceMs: 200,
  });
  await group.ready();
  // The next death comes when the stock is full again.
  await until(() => used.spares[stock] === 2, { timeoutMs: 60_000 });
  const sleep = processes.version('sleep');
  const neighbour = group.start(requestOf(sleep, { ms: 400 }, { timeoutMs: 60_000 }));
  const bystander = bystanders.start(requestOf(sleep, { ms: 400 }, { timeoutMs: 60_000 }));
  const { timeoutMs = 60_000 } = misdeed;
  const attempt = group.start(requestOf(worker, misdeed.input ?? {}, { slots: 1, timeoutMs }));
  const [own, beside, elsewhere, healing] = await Promise.all([
    attempt.ended,
    neighbour.ended,
    bystander.ended,
    misdeed.deadly ? died.then(() => heal(group)) : null,
  ]);
  return { own, beside, elsewhere, healing, fromStock };
}

describe.each([
  { where: 'process', misdeeds: [...inProcess, ...atPipe] },
  { where: 'thread', misdeeds: inThread },
])('in a $where, a worker that', ({ misdeeds }) => {
  it.each(misdeeds)('$name fails alone', patience, async (misdeed) => {
    const { own, beside, elsewhere, healing, fromStock } = await commit(misdeed);
    expect(codeOf(own)).toBe(misdeed.code);
    if (misdeed.message) {
      expect(own).toMatchObject({
        error: { message: expect.stringContaining(misdeed.message) as unknown },
      });
    }
    expect(codeOf(beside)).toBe('succeeded');
    expect(codeOf(elsewhere)).toBe('succeeded');
    if (!healing) return;
    const [, replacement] = fromStock;
    expect(replacement, 'a spare took over').toBe(true);
    expect(healing.tookMs).toBeLessThan(healing.allowedMs);
  });
});
