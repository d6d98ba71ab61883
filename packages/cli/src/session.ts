import { type Client, createClient } from '@tenma/client';
import { InterruptedError } from './cli-errors.ts';
import type { CliConfig, Environment } from './config.ts';
import type { Output, TextStream } from './output.ts';

/** What a process gives the CLI; a test gives its own. */
export interface Surroundings {
  environment: Environment;
  stdin: AsyncIterable<unknown>;
  stdout: TextStream;
  stderr: TextStream;
  /** Calls back at each Ctrl-C until disposed. */
  onInterrupt(listener: () => void): Disposable;
}

/** What a command works with. */
export interface Session {
  readonly config: CliConfig;
  readonly output: Output;
  readonly stdin: AsyncIterable<unknown>;
  readonly client: Client;
  /** Aborts at Ctrl-C, while it is watched; before that Ctrl-C ends the process as usual. */
  watchInterrupts(hint: string): Disposable & { signal: AbortSignal };
}

/** Long enough for LE to come back from a restart, short enough for somebody who waits at a terminal. */
const retryForMs = 2_000;

export function createSession(surroundings: Surroundings, config: CliConfig, output: Output): Session {
  const { apiUrl: url, token } = config;
  return {
    config,
    output,
    stdin: surroundings.stdin,
    client: createClient({ url, retryForMs, ...(token === undefined ? {} : { token }) }),
    watchInterrupts(hint) {
      const controller = new AbortController();
      const listening = surroundings.onInterrupt(() =>
        controller.abort(new InterruptedError('interrupted', hint)),
      );
      return { signal: controller.signal, [Symbol.dispose]: () => listening[Symbol.dispose]() };
    },
  };
}
