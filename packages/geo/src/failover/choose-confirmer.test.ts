import { expect, it } from 'vitest';
import { chooseConfirmer } from './choose-confirmer.ts';

it.each([
  ['the region that saw something up last', { a: 9, b: 5, c: 7 }, ['a', 'b', 'c'], 'c'],
  ['the first by name of two', { b: 5, c: 5 }, ['c', 'b'], 'b'],
  ['only regions with workers', { b: 5, c: 7 }, ['b'], 'b'],
  ['none that has seen nothing lately', { b: null, c: 1 }, ['b', 'c'], 'c'],
  ['nobody when nobody sees anything, the lost region itself apart', { a: 9, b: null }, ['a', 'b'], null],
])('a loss is confirmed by %s', (_, seen: Record<string, number | null>, withWorkers, expected) => {
  expect(chooseConfirmer({ from: 'a', withWorkers, lastSawUp: (region) => seen[region] ?? null })).toBe(
    expected,
  );
});
