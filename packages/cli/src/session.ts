import { type Client, createClient } from '@tenma/client';
import { InterruptedError } from './cli-errors.ts';
import type { CliConfig, Environment } from './config.ts';
import type { Output, TextStream } from './output.ts';
import type { Terminal } from './terminal.ts';

/** What a process gives the CLI; a test gives its own. */
export interface Surroundings {
  environment: Environment;
  stdin: Stdin;
  stdout: TextStream;
  stderr: TextStream;
  /** Calls back at each Ctrl-C until disposed. */
  onInterrupt(listener: () => void): Disposable;
  /** Where stdout is one. */
  terminal?: Terminal | undefined;
}

type Stdin = AsyncIterable<unknown> & { readonly isTTY?: boolean };

/** What a command works with. */
export interface Session {
  readonly config: CliConfig;
  readonly output: Output;
  readonly stdin: Stdin;
  readonly terminal: Terminal | undefined;
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
    terminal: surroundings.terminal,
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
