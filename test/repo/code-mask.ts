/** What may stand before a regular expression; after anything else a slash divides. */
const beforeRegExp =
  /(?:^|[=([{,;:!&|?+\-*%<>~^]|\b(?:return|typeof|case|of|in|do|else|void|yield|await|throw))\s*$/;

/**
 * The text with comments, and the insides of strings and regular expressions, blanked out. Length, lines and quotes
 * stay, so that what is found here can be looked up in the text at the same place. What a template literal
 * interpolates is code and stays.
 */
export function maskCode(text: string): string {
  const out = [...Array(text.length).keys()].map((index) => text.charAt(index));
  /** Depths of braces at which an interpolation of a template ends. */
  const templates: number[] = [];
  let depth = 0;
  let at = 0;

  const blank = (from: number, to: number) => {
    for (let index = from; index < to; index += 1) if (out[index] !== '\n') out[index] = ' ';
  };
  /** Blanks up to the delimiter that is not escaped; goes on behind it. */
  const skipTo = (delimiter: string) => {
    const from = at + 1;
    let end = from;
    while (end < text.length && text[end] !== delimiter) end += text[end] === '\\' ? 2 : 1;
    blank(from, Math.min(end, text.length));
    at = end + 1;
  };
  const skipRegExp = () => {
    const from = at + 1;
    let end = from;
    for (let inClass = false; end < text.length && (inClass || text[end] !== '/'); end += 1) {
      if (text[end] === '\\') end += 1;
      else if (text[end] === '[') inClass = true;
      else if (text[end] === ']') inClass = false;
    }
    blank(from, end);
    at = end + 1;
  };
  /** The text of a template, up to its end or its next interpolation. */
  const skipTemplate = () => {
    const from = at;
    let end = from;
    while (end < text.length && text[end] !== '`' && !text.startsWith('${', end))
      end += text[end] === '\\' ? 2 : 1;
    blank(from, Math.min(end, text.length));
    if (text[end] === '`') at = end + 1;
    else {
      templates.push(depth);
      depth += 1;
      at = end + 2;
    }
  };
  const skipComment = (end: number, behind: number) => {
    const stop = end < 0 ? text.length : end + behind;
    blank(at, stop);
    at = stop;
  };

  while (at < text.length) {
    const char = text[at];
    if (text.startsWith('//', at)) skipComment(text.indexOf('\n', at), 0);
    else if (text.startsWith('/*', at)) skipComment(text.indexOf('*/', at + 2), 2);
    else if (char === "'" || char === '"') skipTo(char);
    else if (char === '/' && beforeRegExp.test(out.slice(Math.max(0, at - 20), at).join(''))) skipRegExp();
    else if (char === '`') {
      at += 1;
      skipTemplate();
    } else if (char === '}' && templates.at(-1) === depth - 1) {
      templates.pop();
      depth -= 1;
      at += 1;
      skipTemplate();
    } else {
      if (char === '{') depth += 1;
      if (char === '}') depth -= 1;
      at += 1;
    }
  }
  return out.join('');
}

/** The line, from 1, of a place in a text. */
export function lineAt(text: string, index: number): number {
  let line = 1;
  for (let next = text.indexOf('\n'); next >= 0 && next < index; next = text.indexOf('\n', next + 1))
    line += 1;
  return line;
}
