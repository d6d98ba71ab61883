import type { Clock, Log } from '@tenma/runtime';
import {
  lineCharacters,
  outputPrefix,
  readMessages,
  type SpawnedHost,
  spawnHost,
} from '@tenma/worker/messages';
import { HostLink, type StartedMember } from './member.ts';
import type { OutputFolder } from './output-folder.ts';

export interface HostOptions {
  /** Module specifiers of the worker packages to load. */
  readonly specifiers: readonly string[];
  /** What it sees of the environment. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Heap in MiB; one that needs more dies alone. */
  readonly heapMb: number;
  /** What it may give files from; the environment has to name the same. */
  readonly outputs: OutputFolder;
}

export interface HostComponents {
  readonly log: Log;
  readonly clock: Clock;
}

/** Starts a member, as a process or as a thread. */
export type StartMember = (components: HostComponents, options: HostOptions) => StartedMember;

/** How long its last messages are waited for; a process that it has started may hold the pipe open for ever. */
const lastWordsMs = 100;
/** A process that closes one of its pipes is about to end; one that lives on after that is of no use. */
const partingMs = 1_000;

/** Starts a child process that loads worker packages and runs attempts. */
export function startWorkerProcess({ log, clock }: HostComponents, options: HostOptions): StartedMember {
  const { specifiers, environment, heapMb, outputs } = options;
  const execArgv = [`--max-old-space-size=${heapMb}`];
  // What workers print is for people: stdout is for data.
  const host = spawnHost(specifiers, { env: environment, execArgv, output: 2 });
  const { child, incoming } = host;
  const { pid } = child;
  const link = new HostLink(
    { log, outputs },
    {
      kind: 'process',
      name: `process ${pid ?? 'that could not be made'}`,
      pid,
      outputPrefix: outputPrefix(pid ?? 0, 0),
      send: (message) => host.send(message),
      end: () => child.kill('SIGKILL'),
    },
  );
  if (incoming) {
    readMessages(incoming, lineCharacters, {
      onMessage: (message) => link.receive(message),
      onFault(why) {
        link.refuse(why);
        incoming.destroy();
      },
    });
  }
  void ended(host, { log, clock }, () => link.kill('closed a pipe of the WEE')).then((how) => {
    const attempts = link.died(how);
    log[link.killed ? 'debug' : 'warn']({ pid, how, attempts }, 'a worker process is gone');
  });
  return link;
}

/** Resolves with how it ended, when it has and all it has said has come; never rejects. */
async function ended(
  { child, incoming, deaf }: SpawnedHost,
  { log, clock }: HostComponents,
  onParting: () => void,
): Promise<string> {
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) =>
      resolve(`ended with ${signal ? `signal ${signal}` : `exit code ${code}`}`),
    );
    child.on('error', (error) => {
      log.warn({ err: error, pid: child.pid }, 'worker process');
      // One that could not be made has no exit.
      if (child.pid === undefined) resolve(`could not be made: ${error.message}`);
    });
  });
  if (!incoming) return exited;
  // A pipe that fails is closed then.
  incoming.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => incoming.once('close', () => resolve()));
  void exited.then(() => clock.after(lastWordsMs, () => incoming.destroy()));
  void Promise.race([closed, deaf]).then(() => clock.after(partingMs, onParting));
  const [how] = await Promise.all([exited, closed]);
  return how;
}
