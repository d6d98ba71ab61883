import { formatDuration } from './duration.ts';
import type { TextStream } from './output.ts';
import { oneLine } from './table.ts';

/** A line on a terminal that is redrawn while something takes its time. */
export interface ProgressLine extends Disposable {
  /** What is going on now; drawn with the time since the line was made. */
  show(text: string): void;
}

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const eraseLine = '\r\u001b[2K';

/**
 * Appears after a second: what is quicker needs no word.
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
  }, 1_000);
  return {
    show(next) {
      text = oneLine(next);
    },
    [Symbol.dispose]() {
      clearTimeout(appearing);
      clearInterval(ticking);
      if (ticking !== undefined) terminal.write(eraseLine);
    },
  };
}
