import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { ToHost } from './messages.ts';
import { pipes, pipesVariable } from './pipes.ts';
import { workerHostUrl } from './url.ts';

export interface SpawnOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of Node. */
  readonly execArgv?: readonly string[];
  /** What becomes of all it prints. */
  readonly output: 2 | 'ignore' | 'pipe';
}

/** A worker process and the ends of its pipes. */
export interface SpawnedHost {
  readonly child: ChildProcess;
  /** Undefined when the process could not be made. */
  readonly incoming: Socket | undefined;
  /** Does nothing once the process is gone, or closes its end. */
  readonly send: (message: ToHost) => void;
  /** Resolves when it takes no messages any more. */
  readonly deaf: Promise<void>;
  /** Closes the end for sending: the host takes that for the end of its WEE. */
  readonly leave: () => void;
}

/**
 * Starts the program of a worker process with packages to load.
 * @throws Error when the machine refuses in a way that Node does not tell by the event `error`
 */
export function spawnHost(specifiers: readonly string[], options: SpawnOptions): SpawnedHost {
  const { env, execArgv = [], output } = options;
  const child = spawn(process.execPath, [...execArgv, fileURLToPath(workerHostUrl), ...specifiers], {
    stdio: ['ignore', output, output, 'pipe', 'pipe'],
    env: { ...env, [pipesVariable]: `${pipes.toWee},${pipes.toHost}` },
  });
  // Node leaves it undefined where there are too many open files.
  const ends: readonly unknown[] = (child.stdio as unknown[] | undefined) ?? [];
  const outgoing = socketOf(ends[pipes.toHost]);
  // The end of the process, or of what comes from it, tells all that has to be told.
  outgoing?.on('error', () => undefined);
  // Nothing is said there; what is written nevertheless is not kept.
  outgoing?.resume();
  const deaf = new Promise<void>((resolve) => outgoing?.once('close', () => resolve()));
  // A process that it has lent the other end to may hold that open for ever.
  child.once('exit', () => outgoing?.destroy());
  return {
    child,
    incoming: socketOf(ends[pipes.toWee]),
    send: (message) => void (outgoing?.writable && outgoing.write(`${JSON.stringify(message)}\n`)),
    deaf,
    leave: () => void outgoing?.end(),
  };
}

function socketOf(end: unknown): Socket | undefined {
  return end instanceof Socket ? end : undefined;
}
