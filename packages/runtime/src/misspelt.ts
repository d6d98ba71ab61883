import type { Environment } from './config.ts';

/** A variable that is set and means nothing, and the setting that it nearly is. */
export interface Misspelt {
  readonly name: string;
  readonly meant: string;
}

/**
 * Variables that differ from a setting by case, by underscores or by two letters: in a name of fewer than ten by one, and
 * not the first, since other words would be as near (`WEE_ID` to `LE_ID`, `MQTT_HOST` to `MQTT_PORT`, `LEGION` to
 * `REGION`). None for a setting that has a value.
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
      .filter(({ key, edits }) => (plain(key).length < 10 ? edits <= 1 && written[0] === key[0] : edits <= 2))
      .toSorted((a, b) => a.edits - b.edits)[0];
    return near === undefined ? [] : [{ name, meant: `TENMA_${near.key}` }];
  });
}

const plain = (name: string) => name.toUpperCase().replaceAll('_', '');

/** Letters to insert, to take out or to change, and neighbours to swap. */
function editsBetween(from: string, to: string): number {
  const first = Array.from({ length: to.length + 1 }, (_, length) => length);
  let [before, row]: [number[], number[]] = [[], first];
  for (let index = 0; index < from.length; index += 1) {
    const next = [index + 1];
    for (let column = 0; column < to.length; column += 1) {
      const changed = (row[column] ?? 0) + (from[index] === to[column] ? 0 : 1);
      const isSwap = index > 0 && from[index] === to[column - 1] && from[index - 1] === to[column];
      const swapped = isSwap ? (before[column - 1] ?? 0) + 1 : changed;
      next.push(Math.min(changed, swapped, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    [before, row] = [row, next];
  }
  return row.at(-1) ?? 0;
}
