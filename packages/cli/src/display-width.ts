/** Scripts that terminals draw two columns wide (East Asian Width W and F), and pictures. */
const wide =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3000-\u303f\uff01-\uff60\uffe0-\uffe6\p{Emoji_Presentation}]/u;
const unseen = /[\p{Mark}\u200b-\u200f]/u;

/** Columns that a text without escape sequences takes on a terminal. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const char of text) width += unseen.test(char) ? 0 : wide.test(char) ? 2 : 1;
  return width;
}

export function padToWidth(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - displayWidth(text)));
}

/** The text, cut to end in `…` where it is wider. */
export function cutToWidth(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let cut = '';
  let taken = 0;
  for (const char of text) {
    taken += displayWidth(char);
    if (taken > width - 1) break;
    cut += char;
  }
  return width < 1 ? '' : `${cut}…`;
}
