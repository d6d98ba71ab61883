import { TenmaError, UnreachableError } from '@tenma/client';
import { formatDuration } from '../duration.ts';
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
  /** A reading that takes longer is given up, and the next one begins. */
  readonly patienceMs: number;
  readonly monotonic: () => number;
  /** Rejects when the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<unknown>;
  /** Ends it. */
  readonly signal: AbortSignal;
}

const quitKeys: readonly string[] = ['q', 'Q', '\u0003'];

/**
 * Draws, reads and draws again until `q`, Ctrl-C, the end of the terminal or the signal. While LE is away the last
 * picture stays, with the reason above it; while it keeps silent the picture is drawn anew each interval, so that its
 * age is told.
 */
export async function runLive(options: LiveOptions): Promise<void> {
  const { render, screen, terminal, intervalMs, monotonic, sleep } = options;
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

  function drawSilence(): void {
    fault ??= 'no answer yet';
    draw();
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
      snapshot = await readPatiently(options, signal, drawSilence);
      fault = undefined;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof TenmaError)) throw error;
      fault = error.message;
    }
  }
}

/**
 * One reading.
 * @param onSilence called each interval that passes without an answer
 * @throws UnreachableError when there is none within `patienceMs`; the reason of the signal; what reading throws
 */
async function readPatiently(
  { read, intervalMs, patienceMs, monotonic, sleep }: LiveOptions,
  signal: AbortSignal,
  onSilence: () => void,
): Promise<TopSnapshot> {
  signal.throwIfAborted();
  const reading = new AbortController();
  const quit = () => reading.abort(signal.reason);
  signal.addEventListener('abort', quit, { once: true });

  async function watch(): Promise<void> {
    const giveUpAt = monotonic() + patienceMs;
    for (let leftMs = patienceMs; leftMs > 0; leftMs = giveUpAt - monotonic()) {
      await sleep(Math.min(intervalMs, leftMs), reading.signal);
      if (monotonic() < giveUpAt) onSilence();
    }
    throw new UnreachableError(`no answer within ${formatDuration(patienceMs)}`);
  }

  // What ends the watch ends the reading: its patience, or a fault of its own. The end of the reading ends the watch.
  const watching = watch().catch((error: unknown) => reading.abort(error));
  try {
    return await read(reading.signal);
  } finally {
    signal.removeEventListener('abort', quit);
    reading.abort();
    await watching;
  }
}
