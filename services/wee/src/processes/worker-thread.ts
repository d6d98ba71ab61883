import { Worker } from 'node:worker_threads';
import { workerThreadUrl } from '@tenma/worker';
import { outputPrefix } from '@tenma/worker/messages';
import { HostLink, type StartedMember } from './member.ts';
import type { HostComponents, HostOptions } from './worker-process.ts';

/** A thread that waits in a synchronous call ends when that returns, which may be never: it is given up. */
const endWithinMs = 1_000;

/**
 * Starts a thread of this process that loads worker packages and runs attempts. It starts sooner and takes less memory
 * than a process. Its heap is bounded, its buffers are not; what ends a whole process, such as a signal, ends the WEE.
 */
export function startWorkerThread(
  { log, clock }: HostComponents,
  { specifiers, environment, heapMb, outputs }: HostOptions,
): StartedMember {
  const thread = new Worker(workerThreadUrl, {
    argv: [...specifiers],
    env: { ...environment },
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: heapMb },
    stdout: true,
  });
  // What workers print is for people: stdout is for data.
  thread.stdout.on('data', (chunk: Buffer) => process.stderr.write(chunk));
  const name = `thread ${thread.threadId}`;
  let fault: Error | undefined;
  const ended = Promise.withResolvers<string>();
  const link = new HostLink(
    { log, outputs },
    {
      kind: 'thread',
      name,
      pid: undefined,
      outputPrefix: outputPrefix(process.pid, thread.threadId),
      send: (message) => thread.postMessage(message),
      end() {
        void thread.terminate();
        clock.after(endWithinMs, () => ended.resolve('would not end'));
      },
    },
  );
  thread.on('message', (message: unknown) => link.receive(message));
  thread.on('error', (error: Error) => {
    fault = error;
  });
  thread.once('exit', (code) =>
    ended.resolve(fault ? `ended with ${fault.name}: ${fault.message}` : `ended with exit code ${code}`),
  );
  void ended.promise.then((how) => {
    const attempts = link.died(how);
    log[link.killed ? 'debug' : 'warn']({ thread: name, how, attempts }, 'a worker thread is gone');
  });
  return link;
}
