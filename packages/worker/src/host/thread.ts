/**
 * The program of a worker process as a thread, for trusted workers: started with worker packages as its `argv`, it
 * tells and is told the same (`messages.ts`) over its parent port. It ends with its WEE, or when that terminates it.
 */
import { tmpdir } from 'node:os';
import { parentPort } from 'node:worker_threads';
import type { ToHost } from './messages.ts';
import { startHost } from './start-host.ts';

if (parentPort === null) throw new Error('this is the program of a thread: a WEE starts it');
const port = parentPort;
const host = startHost({
  send: (message) => port.postMessage(message),
  specifiers: process.argv.slice(2),
  outputFolder: process.env['TENMA_OUTPUT_DIR'] ?? tmpdir(),
});
port.on('message', (message: ToHost) => host.handle(message));
