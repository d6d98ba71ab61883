import { writeSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { createAttempts, notLoaded } from './attempts.ts';
import type { AnyWorker } from '../define-worker.ts';
import { estimateSlots } from '../estimate-slots.ts';
import { describeThrown } from '../failure.ts';
import { createLoadedWorkers } from './loaded-workers.ts';
import type { FromHost, ToHost } from './messages.ts';
import { createOutputFiles } from './output-files.ts';

/** EX_SOFTWARE of sysexits.h. */
const crashed = 70;
const importWithinMs = 30_000;

/** What runs attempts in a process or a thread of its own. */
export interface Host {
  handle(message: ToHost): void;
}

export interface HostOptions {
  readonly send: (message: FromHost) => void;
  /** Worker packages to begin with; may be none. */
  readonly specifiers: readonly string[];
  /** For outputs that are too large for a message. */
  readonly outputFolder: string;
}

/**
 * Loads the packages, tells what came of them, and does what the messages say. An error that nobody handles ends the
 * process, or the thread, with 70.
 */
export function startHost({ send, specifiers, outputFolder }: HostOptions): Host {
  const workers = createLoadedWorkers({ importWithinMs });
  const files = createOutputFiles(outputFolder);
  const attempts = createAttempts(
    { workers, files },
    {
      send: (events) => send({ kind: 'events', events }),
      log: (line) => toStderr(`${JSON.stringify(line)}\n`),
    },
  );

  async function load(more: readonly string[]): Promise<void> {
    send({ kind: 'loaded', ...(await workers.load(more)) });
    // For the next process: this one may be killed, and would write what it has compiled only at an orderly end.
    flushCompileCache();
  }

  async function answer(
    { ask_id, type, version }: { ask_id: number; type: string; version: string },
    ask: (worker: AnyWorker) => Promise<number> | boolean,
  ): Promise<void> {
    try {
      const worker = workers.find(type, version);
      if (worker === undefined) throw new Error(notLoaded(workers, type, version));
      send({ kind: 'answer', ask_id, value: await ask(worker) });
    } catch (thrown) {
      send({ kind: 'answer', ask_id, error: describeThrown(thrown).message });
    }
  }

  const crash = (thrown: unknown) => {
    toStderr(`${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}\n`);
    process.exit(crashed);
  };
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
  // What has ended in this turn is told, whoever ends the process; files that nobody will be told of go.
  process.on('exit', () => {
    attempts.flush();
    files.discard();
  });
  void load(specifiers);

  return {
    handle(message) {
      switch (message.kind) {
        case 'load':
          return void load(message.specifiers);
        case 'run':
          for (const run of message.runs) attempts.start(run);
          return undefined;
        case 'abort':
          return attempts.abort(message.run_id, message.reason);
        case 'estimate':
          return void answer(message, (worker) => estimateSlots(worker, message.input));
        case 'compare':
          return void answer(message, (worker) => meanTheSame(worker, message.before, message.after));
      }
    },
  };
}

function meanTheSame(worker: AnyWorker, before: unknown, after: unknown): boolean {
  if (worker.shadow === undefined) throw new TypeError(`${worker.type}@${worker.version} has no shadow`);
  const same: unknown = worker.shadow(before, after);
  if (typeof same !== 'boolean') throw new TypeError('shadow has to say true or false');
  return same;
}

/** At once, for lines that must be out before an exit. A full pipe loses the line rather than blocking. */
export function toStderr(text: string): void {
  try {
    writeSync(2, text);
  } catch {
    // Nobody reads.
  }
}
