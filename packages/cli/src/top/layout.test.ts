import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { displayWidth } from '../display-width.ts';
import { layOut, shareRows } from './layout.ts';

describe('the lines of a window', () => {
  it.each([
    [[3, 3], 10, [3, 3]],
    [[10, 10], 10, [5, 5]],
    [[1, 10], 10, [1, 9]],
    [[10, 10, 10], 5, [2, 2, 1]],
    [[4, 4], 0, [0, 0]],
    [[4, 4], -3, [0, 0]],
    [[0, 5], 3, [0, 3]],
    [[2, 1_000], Infinity, [2, 1_000]],
  ])('are shared by need: %j of %i is %j', (wants, available, expected) => {
    expect(shareRows(wants, available)).toEqual(expected);
  });

  it('are all used while somebody wants some, and nobody gets less than another without wanting less', () => {
    const wants = fc.array(fc.nat(50), { maxLength: 8 });
    fc.assert(
      fc.property(wants, fc.integer({ min: -5, max: 200 }), (asked, available) => {
        const shares = shareRows(asked, available);
        const sum = (values: number[]) => values.reduce((all, value) => all + value, 0);
        expect(sum(shares)).toBe(Math.min(sum(asked), Math.max(0, available)));
        for (const [index, share] of shares.entries()) {
          expect(share).toBeLessThanOrEqual(asked[index]!);
          if (share < asked[index]!) expect(share).toBeGreaterThanOrEqual(Math.max(...shares) - 1);
        }
      }),
    );
  });
});

describe('a layout', () => {
  const row = (text: string) => ({ text });
  const numbers = Array.from({ length: 6 }, (_, index) => row(`row ${index + 1}`));
  const sections = [
    { title: 'FULL', head: 'NAME', rows: numbers },
    { title: 'NONE', head: '', rows: [] },
  ];
  const texts = (rows: number, columns = 80) =>
    layOut([row('top')], sections, [row('end')], { columns, rows }).map(({ text }) => text);

  it('shows everything where there is room', () => {
    const all = 'top||FULL|NAME|row 1|row 2|row 3|row 4|row 5|row 6||NONE|end';
    expect(texts(100)).toEqual(all.split('|'));
  });

  it('gives up its empty lines first, then rows, saying how many', () => {
    expect(texts(12)).toEqual('top|FULL|NAME|row 1|row 2|row 3|row 4|row 5|row 6|NONE|end'.split('|'));
    expect(texts(8)).toEqual('top|FULL|NAME|row 1|row 2|… 4 more|NONE|end'.split('|'));
    expect(texts(5)).toEqual('top|FULL|NONE|end'.split('|'));
  });

  it.each([
    [6, 'MANY|NAME|row 1|row 2|row 3|… 9 more'],
    [9, 'MANY|NAME|row 1|row 2|row 3|row 4|row 5|row 6|… 6 more'],
  ])('counts what has no row with what it has no room for: %i lines', (rows, expected) => {
    const many = { title: 'MANY', head: 'NAME', rows: numbers, more: 6 };
    const lines = layOut([], [many], [], { columns: 80, rows });
    expect(lines.map(({ text }) => text)).toEqual(expected.split('|'));
  });

  it('is never taller or wider than the window, however small that is, and keeps its last line', () => {
    const size = fc.record({
      columns: fc.integer({ min: 1, max: 30 }),
      rows: fc.integer({ min: 1, max: 30 }),
    });
    fc.assert(
      fc.property(size, ({ columns, rows }) => {
        const lines = texts(rows, columns);
        expect(lines.length).toBeLessThanOrEqual(rows);
        for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(columns);
        if (columns > 2) expect(lines.at(-1)).toBe('end');
      }),
    );
  });
});
