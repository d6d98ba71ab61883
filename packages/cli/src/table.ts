import { displayWidth, padToWidth } from './display-width.ts';

/** Data from outside on one line: line ends and the escape sequences of terminals become spaces. */
export function oneLine(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what this takes out
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').trim();
}

/** Columns side by side under their names; no line ends in spaces. Nothing at all for no rows. */
export function formatTable<Name extends string>(
  names: readonly Name[],
  rows: readonly Readonly<Record<NoInfer<Name>, string>>[],
): string {
  if (rows.length === 0) return '';
  const cells = [names.map((name) => name.toUpperCase().replaceAll('_', ' '))];
  for (const row of rows) cells.push(names.map((name) => oneLine(row[name]) || '–'));
  const widths = names.map((_, column) => Math.max(...cells.map((row) => displayWidth(row[column] ?? ''))));
  return cells
    .map((row) =>
      row
        .map((cell, column) => padToWidth(cell, widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}

/** One fact a line; facts that are undefined are left out, and longer ones stand indented below their name. */
export function formatSections(
  facts: readonly (readonly [name: string, value: string | undefined])[],
): string {
  const known = facts.filter(([, value]) => value !== undefined);
  const width = Math.max(0, ...known.map(([name]) => name.length)) + 2;
  return known
    .map(([name, value = '']) =>
      value.includes('\n')
        ? `${name.toUpperCase()}\n${value.replaceAll(/^/gm, '  ')}\n`
        : `${name.toUpperCase().padEnd(width)}${value}\n`,
    )
    .join('');
}
