import type { ReadStream, WriteStream } from 'node:tty';

export interface WindowSize {
  readonly columns: number;
  readonly rows: number;
}

/** The window and the keyboard of somebody who watches. */
export interface Terminal {
  size(): WindowSize;
  /** Calls back when the window has another size, until disposed. */
  onResize(listener: () => void): Disposable;
  /** Hands over keys as they are pressed, unseen on the screen (Ctrl-C too: `\u0003`), until disposed. */
  onKey(listener: (key: string) => void): Disposable;
  /** Calls back when the window goes, or the process is told to end, until disposed. */
  onHangup(listener: () => void): Disposable;
}

/** The terminal of a process; undefined where its output is none. */
export function processTerminal({ stdin, stdout }: NodeJS.Process): Terminal | undefined {
  if (!stdout.isTTY) return undefined;
  return {
    size: () => ({ columns: stdout.columns || 80, rows: stdout.rows || 24 }),
    onResize: (listener) => listen(stdout, ['resize'], listener),
    onKey: (listener) => readKeys(stdin, listener),
    onHangup: (listener) => listen(process, ['SIGTERM', 'SIGHUP'], listener),
  };
}

function listen(
  emitter: Pick<WriteStream | NodeJS.Process, 'on' | 'off'>,
  events: readonly string[],
  listener: () => void,
): Disposable {
  for (const event of events) emitter.on(event, listener);
  return {
    [Symbol.dispose]() {
      for (const event of events) emitter.off(event, listener);
    },
  };
}

function readKeys(stdin: ReadStream, listener: (key: string) => void): Disposable {
  if (!stdin.isTTY) return { [Symbol.dispose]() {} };
  const onData = (chunk: unknown) => listener(String(chunk));
  stdin.setRawMode(true);
  stdin.on('data', onData).resume();
  return {
    [Symbol.dispose]() {
      stdin.off('data', onData).pause();
      stdin.setRawMode(false);
    },
  };
}
