import { TenmaError } from '@tenma/client';
import type { WindowSize, Terminal } from '../terminal.ts';
import type { Line } from './layout.ts';
import type { Screen } from './screen.ts';
import type { TopSnapshot } from './snapshot.ts';

export interface LiveOptions {
  /** The first picture. */
  readonly snapshot: TopSnapshot;
  readonly read: (signal: AbortSignal) => Promise<TopSnapshot>;
  readonly render: (snapshot: TopSnapshot, fault: string | undefined, size: WindowSize) => Line[];
  readonly screen: Screen;
  readonly terminal: Terminal;
  /** From the start of one reading to that of the next, if it does not take longer. */
  readonly intervalMs: number;
  readonly monotonic: () => number;
  /** Rejects when the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<unknown>;
  /** Ends it. */
  readonly signal: AbortSignal;
}

const quitKeys: readonly string[] = ['q', 'Q', '\u0003'];

/**
 * Draws, reads and draws again until `q`, Ctrl-C, the end of the terminal or the signal. While LE is away the last
 * picture stays, with the reason above it.
 */
export async function runLive(options: LiveOptions): Promise<void> {
  const { read, render, screen, terminal, intervalMs, monotonic, sleep } = options;
  const quitting = new AbortController();
  const quit = () => quitting.abort();
  const signal = AbortSignal.any([quitting.signal, options.signal]);
  let { snapshot } = options;
  let fault: string | undefined;

  function draw(): void {
    if (signal.aborted) return;
    const size = terminal.size();
    screen.draw(render(snapshot, fault, size), size.rows);
  }

  using _keys = terminal.onKey((key) => {
    if (quitKeys.includes(key)) quit();
  });
  using _hangup = terminal.onHangup(quit);
  using _resize = terminal.onResize(draw);
  let dueAt = monotonic() + intervalMs;
  for (;;) {
    draw();
    try {
      await sleep(Math.max(0, dueAt - monotonic()), signal);
      dueAt = monotonic() + intervalMs;
      snapshot = await read(signal);
      fault = undefined;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof TenmaError)) throw error;
      fault = error.message;
    }
  }
}
