/**
 * The program of a worker process. A WEE starts it with worker packages as arguments and the pipes of `pipes.ts`;
 * `messages.ts` says what the two tell each other. It ends when the WEE closes its pipe, and ignores the signals a
 * terminal or an init sends to all: the WEE drains its processes itself.
 */
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import type { ToHost } from './messages.ts';
import { linesOf, pipes, pipesVariable, readMessages, writeOut } from './pipes.ts';
import { startHost, toStderr } from './start-host.ts';
import { watchParent } from './watchdog.ts';

/** EX_USAGE of sysexits.h. */
const wrongUse = 64;

function main(): void {
  if (process.env[pipesVariable] === undefined) {
    toStderr('this is the program of a worker process: a WEE starts it, with worker packages as arguments\n');
    process.exit(wrongUse);
  }
  // A process that a worker starts has no such pipes.
  delete process.env[pipesVariable];
  watchParent();
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => {});
  const incoming = new Socket({ fd: pipes.toHost, readable: true, writable: false });
  // A pipe that fails is closed then.
  incoming.on('error', () => {});
  const host = startHost({
    send: (message) => writeOut(pipes.toWee, linesOf(message)),
    specifiers: process.argv.slice(2),
    outputFolder: process.env['TENMA_OUTPUT_DIR'] ?? tmpdir(),
  });
  incoming.once('close', () => process.exit(0));
  readMessages(incoming, Number.POSITIVE_INFINITY, {
    onMessage: (message) => host.handle(message as ToHost),
    // Somebody else has read a part of it.
    onFault(why) {
      throw new Error(`the WEE ${why}`);
    },
  });
}

main();
