import type { Value } from './database.ts';

/** ASCII's record separator. JSON text escapes it, so it can stand between documents. */
const separator = '\u001e';

/** How a column travels to the server: as one text that the server cuts. Much cheaper than quoting each element. */
type Encoding = 'uuid' | 'bigint' | 'integer' | 'smallint' | 'boolean' | 'document' | 'text';

type ColumnValue = string | number | null;

/** For `unnest`: the array that the parameter stands for. */
export function arraySql(encoding: Encoding, parameter: string): string {
  return encoding === 'document'
    ? `string_to_array(${parameter}::text, E'\\x1e', '')`
    : `${parameter}::${encoding}[]`;
}

/** `document` is for JSON text, names and null, never for text of a caller's choice: that is quoted (`text`). */
export function arrayValue(encoding: Encoding, values: readonly ColumnValue[]): Value {
  switch (encoding) {
    case 'document':
      // Null joins as nothing, which the server takes for null.
      return values.join(separator);
    case 'text':
      return values.map((value) => (value === null ? null : String(value)));
    case 'uuid':
    case 'bigint':
    case 'integer':
    case 'smallint':
    case 'boolean':
      return `{${values.map((value) => value ?? 'NULL').join(',')}}`;
  }
}

/** How each column of `tasks` travels. */
const encodings = {
  id: 'uuid',
  type: 'document',
  region: 'document',
  priority: 'smallint',
  principal: 'text',
  idempotency_key: 'document',
  created_at: 'bigint',
  labels: 'document',
  spec: 'document',
  limit_key: 'document',
  state: 'document',
  revision: 'integer',
  due_at: 'bigint',
  clock_at: 'bigint',
  dispatch_no: 'integer',
  held_by: 'document',
  announced: 'boolean',
  life: 'document',
  input: 'document',
  output: 'document',
} as const satisfies Record<string, Encoding>;

export type Column = keyof typeof encodings;

/** `unnest(…) AS name (columns)`, a row for each element of the parameters, which begin at `$1` or as told. */
export function unnestSql(name: string, columns: readonly Column[], first = 1): string {
  const arrays = columns.map((column, index) => arraySql(encodings[column], `$${index + first}`));
  return `unnest(${arrays.join(', ')}) AS ${name} (${columns.join(', ')})`;
}

/** The parameters of `unnestSql`: of each column the elements in `order`. */
export function unnestValues(
  columns: readonly Column[],
  values: Readonly<Partial<Record<Column, readonly ColumnValue[]>>>,
  order: readonly number[],
): Value[] {
  return columns.map((column) => {
    const all = values[column] ?? [];
    return arrayValue(
      encodings[column],
      order.map((index) => all[index] ?? null),
    );
  });
}
