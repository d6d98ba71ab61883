import type { TextStream } from '../output.ts';
import type { Line, Tone } from './layout.ts';

const escape = '\u001b[';
/** Apart from what was on the terminal before, which comes back at the end; without a cursor. */
const takeOver = `${escape}?1049h${escape}?25l`;
const giveBack = `${escape}?25h${escape}?1049l`;

const codes: Readonly<Record<Tone, string>> = { head: '1', good: '32', warning: '33', bad: '31', quiet: '2' };

/** A terminal's whole window, drawn over in place. */
export interface Screen extends Disposable {
  /** @param rows of the window: what stood below the lines is wiped away */
  draw(lines: readonly Line[], rows: number): void;
}

export function openScreen(stream: TextStream, colour: boolean): Screen {
  stream.write(takeOver);
  return {
    draw(lines, rows) {
      const all = Array.from({ length: rows }, (_, row) => paint(lines[row] ?? { text: '' }, colour));
      // Each line is wiped before it is written: wiped afterwards, a line of full width would lose its last letter.
      stream.write(`${escape}H${all.map((text) => `${escape}2K${text}`).join('\r\n')}`);
    },
    [Symbol.dispose]() {
      stream.write(giveBack);
    },
  };
}

function paint({ text, tone }: Line, colour: boolean): string {
  return colour && tone !== undefined && text !== '' ? `${escape}${codes[tone]}m${text}${escape}0m` : text;
}
