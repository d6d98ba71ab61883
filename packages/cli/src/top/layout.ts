import { cutToWidth } from '../display-width.ts';
import type { WindowSize } from '../terminal.ts';

/** What a line says at a glance. */
export type Tone = 'head' | 'good' | 'warning' | 'bad' | 'quiet';

export interface Line {
  readonly text: string;
  readonly tone?: Tone | undefined;
}

/** A heading, and below it the names of columns and a line a thing; none of these when there is nothing. */
export interface Section {
  readonly title: string;
  readonly head: string;
  readonly rows: readonly Line[];
  /** Things that have no row here; told only below those that have one. */
  readonly more?: number;
}

/**
 * Shares `available` lines among those who want some: nobody gets more than it wants, and none less than another unless
 * it wants less. Odd lines go to the first.
 */
export function shareRows(wants: readonly number[], available: number): number[] {
  const shares = wants.map(() => 0);
  let left = Math.max(0, available);
  for (;;) {
    const hungry = wants.flatMap((want, index) => (want > (shares[index] ?? 0) ? [index] : []));
    if (hungry.length === 0 || left < 1) return shares;
    const each = Math.max(1, Math.floor(left / hungry.length));
    for (const index of hungry) {
      const share = shares[index] ?? 0;
      const more = Math.min(each, (wants[index] ?? 0) - share, left);
      shares[index] = share + more;
      left -= more;
    }
  }
}

/**
 * The lines of a screen: `above`, then the sections with as many rows as there is room for, then `below`. Never more or
 * wider than the window. Empty lines between sections are the first to go.
 */
export function layOut(
  above: readonly Line[],
  sections: readonly Section[],
  below: readonly Line[],
  { columns, rows }: WindowSize,
): Line[] {
  const wants = sections.map(linesWanted);
  // A title and, where there are rows, the names of the columns.
  const headings = wants.reduce((sum, want) => sum + (want === 0 ? 1 : 2), above.length + below.length);
  const room = rows - headings;
  const spaced = wants.reduce((sum, want) => sum + want, sections.length) <= room;
  const shares = shareRows(wants, room);
  const middle = sections.flatMap((section, index) => [
    ...(spaced ? [{ text: '' }] : []),
    ...linesOf(section, shares[index] ?? 0),
  ]);
  const lines = [...above, ...middle].slice(0, Math.max(0, rows - below.length));
  return [...lines, ...below]
    .slice(0, rows)
    .map(({ text, tone }) => ({ text: cutToWidth(text, columns), tone }));
}

/** Below the names of the columns. */
function linesWanted({ rows, more = 0 }: Pick<Section, 'rows' | 'more'>): number {
  return rows.length > 0 && more > 0 ? rows.length + 1 : rows.length;
}

function linesOf({ title, head, rows, more = 0 }: Section, share: number): Line[] {
  const heading: Line = { text: title, tone: 'head' };
  if (rows.length === 0 || share === 0) return [heading];
  const names: Line = { text: head, tone: 'quiet' };
  const shown = linesWanted({ rows, more }) <= share ? rows : rows.slice(0, share - 1);
  const left = rows.length + more - shown.length;
  const rest: Line[] = left > 0 ? [{ text: `… ${left} more`, tone: 'quiet' }] : [];
  return [heading, names, ...shown, ...rest];
}
