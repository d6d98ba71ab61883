import type { LatencyCell, LatencyMatrix } from '@tenma/protocol';
import { describe, expect, it } from 'vitest';
import { latencyLegend, latencyTable } from './latency-view.ts';

function cell(rtt_ms: number, kind: LatencyCell['kind']): LatencyCell {
  return { rtt_ms, p50_ms: rtt_ms, p95_ms: rtt_ms, kind, samples: 0, age_ms: null, error_ms: null };
}

function matrixOf(cells: LatencyMatrix['cells']): LatencyMatrix {
  const matrix = Object.entries(cells).map(([from, row]) => [
    from,
    Object.fromEntries(Object.entries(row).map(([to, { rtt_ms }]) => [to, rtt_ms])),
  ]);
  return { layer: 'effective', matrix: Object.fromEntries(matrix), cells };
}

const three = matrixOf({
  tokyo: { osaka: cell(9.04, 'measured'), oregon: cell(97.4, 'estimated') },
  osaka: { tokyo: cell(9.04, 'measured') },
  oregon: { tokyo: cell(97.4, 'coordinates'), osaka: cell(160, 'measured') },
});
const plain = { columns: undefined, colour: false };

describe('the table of latencies', () => {
  it('is aligned; what is computed is marked, what is not known too', () => {
    expect(latencyTable(three, plain)).toBe(
      [
        'FROM    tokyo  osaka  oregon',
        'tokyo       –    9.0     ~97',
        'osaka     9.0      –       ?',
        'oregon    ~97    160       –',
        '',
      ].join('\n'),
    );
  });

  it('has the rows that were asked for, and every column', () => {
    const rows = latencyTable(matrixOf({ osaka: three.cells['osaka'] ?? {} }), plain);
    expect(rows).toBe('FROM   osaka  tokyo\nosaka      –    9.0\n');
  });

  it('numbers its columns where their names are too wide for the terminal', () => {
    expect(latencyTable(three, { columns: 24, colour: false })).toBe(
      [
        'FROM      1    2    3',
        'tokyo     –  9.0  ~97',
        'osaka   9.0    –    ?',
        'oregon  ~97  160    –',
        '',
        '1  tokyo',
        '2  osaka',
        '3  oregon',
        '',
      ].join('\n'),
    );
  });

  it('is coloured by value: near, far, very far', () => {
    const coloured = latencyTable(three, { columns: undefined, colour: true });
    expect(coloured).toContain('\u001b[32m  9.0\u001b[0m');
    expect(coloured).toContain('\u001b[33m   ~97\u001b[0m');
    expect(coloured).toContain('\u001b[31m  160\u001b[0m');
    // oxlint-disable-next-line no-control-regex -- they are what is looked for
    expect(coloured.replaceAll(/\u001b\[\d+m/g, '')).toBe(latencyTable(three, plain));
  });

  it('of a layer that is computed is marked even where its cells are left out; of the best known nobody can tell', () => {
    const bare = { ...matrixOf({ tokyo: { osaka: cell(9, 'floor') } }), cells: {} };
    expect(latencyTable({ ...bare, layer: 'floor' }, plain)).toContain('~9.0');
    expect(latencyTable({ ...bare, layer: 'measured' }, plain)).not.toContain('~');
    expect(latencyTable(bare, plain)).not.toContain('~');
    expect(latencyLegend(bare)).toContain('with --from');
    expect(latencyLegend(three)).toContain('~ is computed');
  });

  it('is nothing when there are no regions', () => {
    expect(latencyTable(matrixOf({}), plain)).toBe('');
  });
});
