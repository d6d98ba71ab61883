import { constants, setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { slotsOf, slotsOfProcess } from '@tenma/protocol';
import { type Clock, type Log, sleep } from '@tenma/runtime';
import type { LoadFault, WorkerVersion } from '@tenma/worker/messages';
import type { Member, Spares } from './interfaces.ts';
import type { Loaded, StartedMember } from './member.ts';
import { type MemoryWatch, watchMemory } from './memory-watch.ts';
import { type OutputFolder, outputFolder } from './output-folder.ts';
import { createStock, type Stock } from './stock.ts';
import { type StartMember, startWorkerProcess } from './worker-process.ts';
import { startWorkerThread } from './worker-thread.ts';

export interface SparesOptions {
  /** What workers see of the environment. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /**
   * For large outputs, and for what processes have compiled, so that the next starts sooner. Default the temporary
   * folder of the machine, and then every process compiles for itself.
   */
  readonly folder?: string;
  /** Heap of each process or thread in MiB. Default 256. */
  readonly heapMb?: number;
  /** All the memory of each process in MiB, buffers too; on Linux. Default 512. */
  readonly memoryMb?: number;
  /** Processes in stock, and as many threads once a worker has asked for a thread. Default 1. */
  readonly spares?: number;
  /** How long a package may take to load when it is inspected. Default 10 s. */
  readonly loadMs?: number;
}

export interface StockOfSpares extends Spares {
  /** Processes that are ready to be handed over. */
  readonly stock: number;
  /** Threads that are. */
  readonly threads: number;
}

interface Components {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
}

/** For a start, or a package that has passed its inspection: what is slow then is the machine. */
const startWithinMs = 60_000;
const closeMs = 5_000;

export function createSpares(components: Components, options: SparesOptions): StockOfSpares {
  return new LoadingSpares(components, {
    heapMb: 256,
    memoryMb: 512,
    spares: 1,
    loadMs: 10_000,
    folder: tmpdir(),
    ...options,
    environment: environmentOf(options),
  });
}

function environmentOf({ environment, folder }: SparesOptions): SparesOptions['environment'] {
  if (folder === undefined) return environment;
  return { ...environment, TENMA_OUTPUT_DIR: folder, NODE_COMPILE_CACHE: join(folder, 'compiled') };
}

class LoadingSpares implements StockOfSpares {
  readonly #components: Components;
  readonly #options: Required<SparesOptions>;
  readonly #memory: MemoryWatch;
  readonly #outputs: OutputFolder;
  /** Everything that was started and not handed over. */
  readonly #own = new Set<StartedMember>();
  readonly #processes: Stock;
  /** Empty until somebody takes a thread: most WEEs need none. */
  readonly #threads: Stock;
  #closed = false;

  constructor(components: Components, options: Required<SparesOptions>) {
    this.#components = components;
    this.#options = options;
    this.#memory = watchMemory(components.clock, options.memoryMb);
    this.#outputs = outputFolder(options.folder);
    this.#processes = this.#stockOf(startWorkerProcess);
    this.#threads = this.#stockOf(startWorkerThread);
    this.#processes.fill();
  }

  get stock(): number {
    return this.#processes.size;
  }

  get threads(): number {
    return this.#threads.size;
  }

  async inspect(specifier: string): Promise<readonly WorkerVersion[]> {
    const { member, loaded } = await this.#start(startWorkerProcess, [specifier], this.#options.loadMs);
    member.kill();
    const [fault] = loaded.faults;
    if (fault) throw new Error(fault.error.message, { cause: thrownThere(fault) });
    return loaded.workers;
  }

  async take(worker: WorkerVersion): Promise<Member> {
    const thread = worker.type.isolation === 'thread';
    const [stock, start] = thread
      ? [this.#threads, startWorkerThread]
      : [this.#processes, startWorkerProcess];
    const spare = stock.take();
    try {
      const member = spare ? await this.#loadInto(spare, worker) : await this.#startFor(worker, start);
      this.#own.delete(member);
      if (slotsOf(worker.type.cost) === slotsOfProcess) yieldToOthers(member);
      return member;
    } finally {
      // Not before: the start of another one would slow down what somebody waits for.
      stock.fill();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#processes[Symbol.dispose]();
    this.#threads[Symbol.dispose]();
    const own = [...this.#own];
    for (const member of own) member.kill();
    const gone = Promise.all(own.map((member) => member.gone));
    await Promise.race([gone, sleep(this.#components.clock, closeMs)]);
    this.#memory[Symbol.dispose]();
  }

  #stockOf(start: StartMember): Stock {
    return createStock(this.#components, {
      size: this.#options.spares,
      start: async () => (await this.#start(start, [])).member,
    });
  }

  async #loadInto(spare: StartedMember, worker: WorkerVersion): Promise<StartedMember> {
    const loaded = await this.#inTime(spare, spare.load(worker.specifier), worker.specifier);
    return holding(spare, loaded, worker);
  }

  async #startFor(worker: WorkerVersion, start: StartMember): Promise<StartedMember> {
    const { member, loaded } = await this.#start(start, [worker.specifier]);
    return holding(member, loaded, worker);
  }

  async #start(
    start: StartMember,
    specifiers: readonly string[],
    withinMs = startWithinMs,
  ): Promise<{ member: StartedMember; loaded: Loaded }> {
    const { environment, heapMb } = this.#options;
    if (this.#closed) throw new Error('nothing is started any more: the WEE stops');
    const outputs = this.#outputs;
    const member = start(this.#components, { specifiers, environment, heapMb, outputs });
    this.#own.add(member);
    void member.gone.then(() => this.#own.delete(member));
    this.#memory.add(member);
    return { member, loaded: await this.#inTime(member, member.ready, specifiers.join(', '), withinMs) };
  }

  async #inTime(
    member: StartedMember,
    loading: Promise<Loaded>,
    what: string,
    withinMs = startWithinMs,
  ): Promise<Loaded> {
    const late = () => member.kill(`had not loaded its packages in ${withinMs} ms`);
    using _ = this.#components.clock.after(withinMs, late);
    try {
      return await loading;
    } catch (cause) {
      throw new Error(`${what}: ${(cause as Error).message}`, { cause });
    }
  }
}

/** The member, if it has this worker. @throws Error when not, and kills it */
function holding(member: StartedMember, { workers, faults }: Loaded, worker: WorkerVersion): StartedMember {
  const { specifier, type } = worker;
  if (workers.some((found) => found.type.type === type.type && found.type.version === type.version))
    return member;
  member.kill();
  const why = `${specifier}: there is no "${type.type}" ${type.version} in it any more`;
  throw new Error(faults[0]?.error.message ?? why);
}

/** What the package threw, with its stack there. */
function thrownThere({ error: { message }, stack }: LoadFault): Error {
  const error = new Error(message);
  error.stack = stack;
  return error;
}

/** What keeps a core busy comes after what waits for its next packet. Threads have no priority of their own. */
function yieldToOthers({ pid }: StartedMember): void {
  if (pid === undefined) return;
  try {
    setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // It has ended meanwhile, as whoever takes it will hear.
  }
}
