import { type Json, taskError } from '@tenma/protocol';
import type { Log } from '@tenma/runtime';
import type { HostEvent, LoadFault, OutputFile, Run, ToHost, WorkerVersion } from '@tenma/worker/messages';
import { discardOutput } from './discard-output.ts';
import { isFromHost, sendable } from './host-message.ts';
import type { Member } from './interfaces.ts';
import type { OutputFolder } from './output-folder.ts';

/** The worker was asked, and threw. */
export class WorkerThrew extends Error {}

/** What came of packages that a member was to load. */
export interface Loaded {
  readonly workers: readonly WorkerVersion[];
  readonly faults: readonly LoadFault[];
}

/** A member from its start on. */
export interface StartedMember extends Member {
  /** Of the process; undefined for a thread, and for a process that could not be made. */
  readonly pid: number | undefined;
  /** Resolves when its packages are loaded, or have failed to. Rejects when it dies before. */
  readonly ready: Promise<Loaded>;
  /** Loads one more package, after `ready`; one at a time. Rejects when the member dies before. */
  load(specifier: string): Promise<Loaded>;
  /** `why` stands in the errors of the attempts inside. */
  kill(why?: string): void;
}

/** What a member runs in: it carries messages, and can be ended. */
export interface Carrier {
  readonly kind: 'process' | 'thread';
  readonly name: string;
  readonly pid: number | undefined;
  /** How the names of its output files begin. */
  readonly outputPrefix: string;
  send(message: ToHost): void;
  end(): void;
}

interface Ask {
  resolve(value: number | boolean): void;
  reject(error: Error): void;
}

/** The side of the WEE in the talk with a worker host, whatever carries it. */
export class HostLink implements StartedMember {
  readonly #log: Log;
  readonly #outputs: OutputFolder;
  readonly #carrier: Carrier;
  readonly #listeners = new Map<number, (event: HostEvent) => void>();
  readonly #asks = new Map<number, Ask>();
  #loaded = Promise.withResolvers<Loaded>();
  readonly ready: Promise<Loaded>;
  readonly #gone = Promise.withResolvers<Awaited<Member['gone']>>();
  #outbox: Run[] = [];
  #lastAskId = 0;
  #killed: { why: string | undefined } | null = null;
  #dead = false;

  constructor({ log, outputs }: { log: Log; outputs: OutputFolder }, carrier: Carrier) {
    this.#log = log;
    this.#outputs = outputs;
    this.#carrier = carrier;
    this.ready = this.#loaded.promise;
    // Whoever awaits it sees the rejection; without anyone it must not end this process.
    this.ready.catch(() => undefined);
  }

  get name(): string {
    return this.#carrier.name;
  }

  get pid(): number | undefined {
    return this.#carrier.pid;
  }

  get running(): number {
    return this.#listeners.size;
  }

  get gone(): Member['gone'] {
    return this.#gone.promise;
  }

  /** It was ended from here and not by what ran inside. */
  get killed(): boolean {
    return this.#killed !== null;
  }

  load(specifier: string): Promise<Loaded> {
    if (this.#dead) return Promise.reject(new Error('it is gone'));
    this.#loaded = Promise.withResolvers();
    this.#carrier.send({ kind: 'load', specifiers: [specifier] });
    return this.#loaded.promise;
  }

  has(runId: number): boolean {
    return this.#listeners.has(runId);
  }

  run(run: Run, onEvent: (event: HostEvent) => void): void {
    this.#listeners.set(run.run_id, onEvent);
    // Runs of one turn of the event loop travel in one message.
    if (this.#outbox.push(run) === 1) setImmediate(() => this.#flush());
  }

  abort(runId: number, reason: 'timeout' | 'cancelled'): void {
    // It must not overtake the run it is for.
    this.#flush();
    this.#carrier.send({ kind: 'abort', run_id: runId, reason });
  }

  estimate({ type: { type, version } }: WorkerVersion, input: Json): Promise<number> {
    return this.#ask((ask_id) => ({ kind: 'estimate', ask_id, type, version, input })).then(Number);
  }

  compare({ type: { type, version } }: WorkerVersion, before: Json, after: Json): Promise<boolean> {
    return this.#ask((ask_id) => ({ kind: 'compare', ask_id, type, version, before, after })).then(Boolean);
  }

  kill(why?: string): void {
    if (this.#killed || this.#dead) return;
    this.#killed = { why };
    this.#carrier.end();
  }

  /** A message has come from it. It is killed for one that makes no sense. */
  receive(message: unknown): void {
    if (!isFromHost(message)) return this.refuse('sent what is no message of its host');
    switch (message.kind) {
      case 'events':
        for (const event of message.events) this.#deliver(event);
        break;
      case 'loaded':
        this.#loaded.resolve(message);
        break;
      case 'answer': {
        const ask = this.#asks.get(message.ask_id);
        this.#asks.delete(message.ask_id);
        if ('error' in message) ask?.reject(new WorkerThrew(message.error));
        else ask?.resolve(message.value);
      }
    }
  }

  /** What came from it made no sense; `why` says it. */
  refuse(why: string): void {
    if (!this.#killed) this.#log.error({ member: this.name }, `a worker process ${why}`);
    this.kill(why);
  }

  /** It is gone; call it once. @returns the number of runs that were inside */
  died(how: string): number {
    this.#dead = true;
    const why = `the worker's ${this.#carrier.kind} ${this.#killed?.why ?? how}`;
    const runIds = [...this.#listeners.keys()];
    this.#listeners.clear();
    this.#outbox = [];
    this.#loaded.reject(new Error(why));
    for (const ask of this.#asks.values()) ask.reject(new Error(why));
    this.#asks.clear();
    void this.#outputs.clear(this.#carrier.outputPrefix);
    this.#gone.resolve({ runIds, error: taskError('worker_crashed', why) });
    return runIds.length;
  }

  #flush(): void {
    if (this.#outbox.length === 0) return;
    const runs = this.#outbox;
    this.#outbox = [];
    this.#carrier.send({ kind: 'run', runs });
  }

  #deliver(event: HostEvent): void {
    const listener = this.#listeners.get(event.run_id);
    if (event.kind === 'succeeded' || event.kind === 'failed') this.#listeners.delete(event.run_id);
    const trusted = 'file' in event ? this.#takenOver(event) : sendable(event);
    if (!trusted) return;
    if (listener) listener(trusted);
    else if ('file' in trusted) discardOutput(trusted.file);
  }

  #takenOver({ run_id, file }: Pick<HostEvent, 'run_id'> & { file: OutputFile }): HostEvent {
    try {
      return { kind: 'succeeded', run_id, file: this.#outputs.takeOver(file, this.#carrier.outputPrefix) };
    } catch (error) {
      return { kind: 'failed', run_id, error: taskError('invalid_output', (error as Error).message) };
    }
  }

  #ask(messageOf: (askId: number) => ToHost): Promise<number | boolean> {
    if (this.#dead) return Promise.reject(new Error('it is gone'));
    return new Promise((resolve, reject) => {
      const askId = ++this.#lastAskId;
      this.#asks.set(askId, { resolve, reject });
      this.#carrier.send(messageOf(askId));
    });
  }
}
