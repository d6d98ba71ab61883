/**
 * Puts `body` between `<!-- generated: name -->` and the next `<!-- /generated -->`.
 * @throws when the text has no such pair of markers
 */
export function withSection(text: string, name: string, body: string): string {
  const open = `<!-- generated: ${name} -->`;
  const close = '<!-- /generated -->';
  const from = text.indexOf(open);
  const to = text.indexOf(close, from);
  if (from < 0 || to < 0) throw new Error(`no section between ${open} and ${close}`);
  return `${text.slice(0, from + open.length)}\n${body.trim()}\n${text.slice(to)}`;
}

/** A Markdown table. Cells may hold `|`. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
