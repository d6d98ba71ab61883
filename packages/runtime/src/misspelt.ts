import type { Environment } from './config.ts';

/** A variable that is set and means nothing, and the setting that it nearly is. */
export interface Misspelt {
  readonly name: string;
  readonly meant: string;
}

/**
 * Variables that differ from a setting by case, by underscores or by two letters (one in a name so short that others of
 * the project would be as near, such as `WEE_ID` and `LE_ID`). None for a setting that has a value.
 * @param keys without `TENMA_`
 */
export function misspelt(environment: Environment, keys: readonly string[]): Misspelt[] {
  const known = new Set(keys.flatMap((key) => [`TENMA_${key}`, `TENMA_${key}_FILE`]));
  const unset = keys.filter((key) => !environment[`TENMA_${key}`] && !environment[`TENMA_${key}_FILE`]);
  return Object.keys(environment).flatMap((name) => {
    if (!/^tenma_/i.test(name) || known.has(name) || !environment[name]) return [];
    const written = plain(name.slice('TENMA_'.length).replace(/_FILE$/i, ''));
    const near = unset
      .map((key) => ({ key, edits: editsBetween(written, plain(key)) }))
      .filter(({ key, edits }) => edits <= (key.length < 7 ? 1 : 2))
      .toSorted((a, b) => a.edits - b.edits)[0];
    return near === undefined ? [] : [{ name, meant: `TENMA_${near.key}` }];
  });
}

const plain = (name: string) => name.toUpperCase().replaceAll('_', '');

/** Letters to insert, to take out or to change. */
function editsBetween(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, length) => length);
  for (const [index, letter] of Array.from(from).entries()) {
    const next = [index + 1];
    for (const [column, other] of Array.from(to).entries()) {
      const changed = (row[column] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(changed, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
