/**
 * The program of a worker process. A WEE forks it with worker packages as arguments; `messages.ts` says what the
 * two tell each other. It ends when its channel closes, and ignores the signals a terminal or an init sends to
 * all: the WEE drains its processes itself.
 */
import { writeSync } from 'node:fs';
import { inspect } from 'node:util';
import { taskError } from '@tenma/protocol';
import { describeThrown } from '../failure.ts';
import { type Attempts, createAttempts } from './attempts.ts';
import { loadWorkers } from './load-workers.ts';
import type { FromHost, ToHost } from './messages.ts';
import { watchParent } from './watchdog.ts';

/** As in sysexits.h. */
const exitCode = { usage: 64, crash: 70, config: 78 };

async function main(): Promise<void> {
  if (process.send === undefined) {
    toStderr('this is the program of a worker process: a WEE forks it, with worker packages as arguments\n');
    process.exit(exitCode.usage);
  }
  watchParent();
  process.on('disconnect', () => process.exit(0));
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => {});

  let attempts: Attempts | undefined;
  const crash = (thrown: unknown) => {
    attempts?.flush();
    toStderr(`${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}\n`);
    process.exit(exitCode.crash);
  };
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);

  try {
    const { workers, types } = await loadWorkers(process.argv.slice(2));
    attempts = createAttempts(
      workers,
      (events) => send({ kind: 'events', events }),
      (line) => toStderr(`${JSON.stringify(line)}\n`),
    );
    process.on('message', (message: ToHost) => attempts?.handle(message));
    send({ kind: 'ready', types });
  } catch (thrown) {
    const { name, message } = describeThrown(thrown);
    toStderr(`${thrown instanceof Error ? inspect(thrown) : message}\n`);
    const error = { ...taskError('worker_error', message), retryable: false, name };
    send({ kind: 'load_failed', error }, () => process.exit(exitCode.config));
  }
}

/** A channel that closes meanwhile is told by `disconnect`; nothing is left to do for the message then. */
function send(message: FromHost, sent: () => void = () => {}): void {
  if (process.connected) process.send?.(message, undefined, undefined, sent);
}

/** At once, for lines that must be out before an exit. A full pipe loses the line rather than blocking. */
function toStderr(text: string): void {
  try {
    writeSync(2, text);
  } catch {
    // Nobody reads.
  }
}

await main();
