import { type LatencyCell, type LatencyLayer, latencyLayers, type LatencyMatrix } from '@tenma/protocol';
import { formatDuration } from './duration.ts';
import { formatTable } from './table.ts';

export interface MatrixLook {
  /** Width of the terminal; undefined: as wide as it takes. */
  columns: number | undefined;
  colour: boolean;
}

/** Round trips up to this are near, up to the other far; the rest is very far. Milliseconds. */
const near = 50;
const far = 150;
const colours = { near: 32, far: 33, veryFar: 31 } as const;

export function latencyLegend(latency: LatencyMatrix): string {
  const marks = isTold(latency)
    ? '~ is computed, the rest measured'
    : 'with --from it is told which are measured';
  return `round trips in ms, ${latency.layer}; ${marks}; ? is not known`;
}

/** Of very many regions LE leaves out where each number comes from. */
function isTold({ layer, cells, matrix }: LatencyMatrix): boolean {
  return layer !== 'effective' || Object.keys(cells).length >= Object.keys(matrix).length;
}

/** A row for each origin, a column for each target. Columns are numbered where their names are too wide. */
export function latencyTable(latency: LatencyMatrix, look: MatrixLook): string {
  const { matrix } = latency;
  const from = Object.keys(matrix);
  const to = [...new Set([...from, ...Object.values(matrix).flatMap((row) => Object.keys(row))])];
  if (to.length === 0) return '';
  const named = rowsOf(latency, from, to, to);
  const width = Math.max(0, ...named.map((row) => row.reduce((sum, { text }) => sum + text.length + 2, -2)));
  if (width <= (look.columns ?? Infinity)) return linesOf(named, look.colour);
  const numbered = rowsOf(
    latency,
    from,
    to,
    to.map((_, index) => String(index + 1)),
  );
  return `${linesOf(numbered, look.colour)}\n${to.map((id, index) => `${index + 1}  ${id}\n`).join('')}`;
}

interface Entry {
  /** Padded. */
  text: string;
  rtt?: number;
}

function rowsOf(
  latency: LatencyMatrix,
  from: readonly string[],
  to: readonly string[],
  heads: readonly string[],
): Entry[][] {
  const { matrix } = latency;
  const side = Math.max(4, ...from.map((id) => id.length));
  const body = from.map((a) => to.map((b) => (a === b ? '–' : value(latency, a, b))));
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...body.map((row) => row[column]?.length ?? 0)),
  );
  const pad = (text: string, column: number) => text.padStart(widths[column] ?? 0);
  return [
    [{ text: 'FROM'.padEnd(side) }, ...heads.map((head, column) => ({ text: pad(head, column) }))],
    ...from.map((a, row) => [
      { text: a.padEnd(side) },
      ...to.map((b, column) => {
        const rtt = matrix[a]?.[b];
        return { text: pad(body[row]?.[column] ?? '', column), ...(rtt === undefined ? {} : { rtt }) };
      }),
    ]),
  ];
}

function value(latency: LatencyMatrix, from: string, to: string): string {
  const rtt = latency.matrix[from]?.[to];
  if (rtt === undefined) return '?';
  const kind = latency.cells[from]?.[to]?.kind ?? latency.layer;
  return `${kind === 'measured' || kind === 'effective' ? '' : '~'}${milliseconds(rtt)}`;
}

/** As precise as it is of use. */
function milliseconds(ms: number): string {
  return ms < 10 ? ms.toFixed(1) : String(Math.round(ms));
}

function linesOf(rows: readonly (readonly Entry[])[], colour: boolean): string {
  return rows
    .map((row) => row.map((entry) => (colour ? painted(entry) : entry.text)).join('  '))
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}

function painted({ text, rtt }: Entry): string {
  if (rtt === undefined) return text;
  const colour = rtt <= near ? colours.near : rtt <= far ? colours.far : colours.veryFar;
  return `\u001b[${colour}m${text}\u001b[0m`;
}

/** What each layer knows of one pair; null where it knows nothing. */
export type PairLatency = Record<LatencyLayer, LatencyCell | null>;

/** One line a layer. */
export function pairTable(pair: PairLatency): string {
  return formatTable(
    ['layer', 'p50', 'p95', 'from', 'samples', 'age', 'error'],
    latencyLayers.map((layer) => {
      const cell = pair[layer];
      return {
        layer,
        p50: cell === null ? '' : `${milliseconds(cell.p50_ms)} ms`,
        p95: cell === null ? '' : `${milliseconds(cell.p95_ms)} ms`,
        from: cell?.kind ?? '',
        samples: cell === null || cell.samples === 0 ? '' : String(cell.samples),
        age: cell === null || cell.age_ms === null ? '' : formatDuration(cell.age_ms),
        error: cell === null || cell.error_ms === null ? '' : `± ${milliseconds(cell.error_ms)} ms`,
      };
    }),
  );
}
