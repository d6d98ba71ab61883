import { describe, expect, it } from 'vitest';
import { cutToWidth, displayWidth, padToWidth } from './display-width.ts';
import { formatTable } from './table.ts';

describe('the width of a text on a terminal', () => {
  it.each([
    ['tokyo', 5],
    ['東京', 4],
    ['ソウル', 6],
    ['e\u0301', 1],
    ['★ ✓ –', 5],
    ['🚀', 2],
    ['', 0],
  ])('of %j is %i', (text, width) => {
    expect(displayWidth(text)).toBe(width);
  });

  it('is what columns are aligned by', () => {
    expect(padToWidth('東京', 6)).toBe('東京  ');
    const table = formatTable(
      ['name', 'x'],
      [
        { name: '東京', x: '1' },
        { name: 'Edo', x: '2' },
      ],
    );
    expect(table).toBe('NAME  X\n東京  1\nEdo   2\n');
  });

  it('is what a line is cut by: never wider, and saying that it was cut', () => {
    expect(cutToWidth('abc', 3)).toBe('abc');
    expect(cutToWidth('abcd', 3)).toBe('ab…');
    expect(cutToWidth('東京都', 4)).toBe('東…');
    expect(cutToWidth('abc', 0)).toBe('');
  });
});
