import { formatDuration } from './duration.ts';
import type { Output, TextStream } from './output.ts';
import { oneLine } from './table.ts';

/** A line on a terminal that is redrawn while something takes its time. */
export interface ProgressLine extends Disposable {
  /** What is going on now; drawn with the time since the line was made. */
  show(text: string): void;
  /** A line that stays, above it. */
  note(text: string): void;
}

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
/** What is quicker needs no word. */
const appearAfterMs = 1_000;
const eraseLine = '\r\u001b[2K';

/**
 * Appears after a second.
 * @param onAppear called when it does
 */
export function startProgressLine(terminal: TextStream, onAppear: () => void): ProgressLine {
  const started = performance.now();
  let text = '';
  let frame = 0;
  let ticking: NodeJS.Timeout | undefined;
  const draw = () => {
    frame = (frame + 1) % frames.length;
    terminal.write(`${eraseLine}${frames[frame]} ${text} ${formatDuration(performance.now() - started)}`);
  };
  const appearing = setTimeout(() => {
    onAppear();
    draw();
    ticking = setInterval(draw, 100);
  }, appearAfterMs);
  return {
    show(next) {
      text = oneLine(next);
    },
    note(line) {
      terminal.write(`${eraseLine}${oneLine(line)}\n`);
    },
    [Symbol.dispose]() {
      clearTimeout(appearing);
      clearInterval(ticking);
      if (ticking !== undefined) terminal.write(eraseLine);
    },
  };
}

/** Where nobody watches: only what stays is written. It begins when the line would appear. */
export function startQuietLine(output: Pick<Output, 'note'>, onAppear: () => void): ProgressLine {
  const appearing = setTimeout(onAppear, appearAfterMs);
  return {
    show() {},
    note: (text) => output.note(oneLine(text)),
    [Symbol.dispose]: () => clearTimeout(appearing),
  };
}
