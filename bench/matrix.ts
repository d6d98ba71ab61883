import { setImmediate as nextTurn } from 'node:timers/promises';
import { latencyMatrix, type Place } from '@tenma/geo';
import { runWorker } from '@tenma/worker';
import { latencyMatrixWorker } from '@tenma/workers';
import { median } from './statistics.ts';

export interface MatrixFigure {
  readonly regions: number;
  /** What was timed: the worker with its checks, or the computation alone where the result is too large for a task. */
  readonly of: 'task' | 'computation';
  readonly firstMs: number;
  readonly medianMs: number;
  readonly goalMs: number;
}

const cases = [
  { regions: 10, goalMs: 5 },
  { regions: 50, goalMs: 10 },
  { regions: 1_000, goalMs: 500 },
] as const;
const runs = 15;
const fitsATask = 100;

/** How long the estimated matrix takes: the first of a process, and the median of those after it. */
export async function measureMatrix(): Promise<MatrixFigure[]> {
  const figures: MatrixFigure[] = [];
  for (const { regions, goalMs } of cases) {
    const all = regionsOf(regions);
    const compute = regions <= fitsATask ? runTask : runAlone;
    const times: number[] = [];
    for (let n = 0; n < runs; n += 1) {
      const begun = performance.now();
      await compute(all);
      times.push(performance.now() - begun);
    }
    const of = regions <= fitsATask ? 'task' : 'computation';
    figures.push({ regions, of, firstMs: times[0] ?? Number.NaN, medianMs: median(times.slice(1)), goalMs });
  }
  return figures;
}

export function matrixReport(figures: readonly MatrixFigure[]): string {
  return figures
    .map(({ regions, of, firstMs, medianMs, goalMs }) => {
      const times = `first ${firstMs.toFixed(1)} ms, then ${medianMs.toFixed(1)} ms`;
      return `${String(regions).padStart(5)} regions (${of}): ${times}; goal ${goalMs} ms: ${medianMs <= goalMs ? 'met' : 'MISSED'}`;
    })
    .join('\n');
}

type NamedPlace = Place & { readonly id: string };

function regionsOf(count: number): NamedPlace[] {
  return Array.from({ length: count }, (_, n) => ({
    id: `region-${n}`,
    lat: ((n * 37.3) % 140) - 70,
    lon: ((n * 67.7) % 360) - 180,
  }));
}

async function runTask(regions: readonly NamedPlace[]): Promise<void> {
  const outcome = await runWorker(latencyMatrixWorker, {
    input: { regions: regions.map(({ id, lat, lon }) => ({ id, lat, lon })) },
    task: {
      id: '01990b4c-6f2a-7cc3-9d5e-0f6d2f1a7b10',
      attempt: 1,
      idempotency_key: 'bench',
      region: 'here',
    },
    signal: new AbortController().signal,
  });
  if (outcome.kind === 'failed') throw new Error(outcome.error.message);
}

async function runAlone(regions: readonly NamedPlace[]): Promise<void> {
  const places = new Map(regions.map(({ id, lat, lon }) => [id, { lat, lon }]));
  const sight = { places, vectors: new Map(), now: 0, freshMs: 0 };
  const { signal } = new AbortController();
  await latencyMatrix('estimated', sight, { signal, cells: false, breathe: () => nextTurn() });
}
