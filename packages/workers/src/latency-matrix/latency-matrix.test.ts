import { type LatencyVector, timestamp } from '@tenma/protocol';
import { AttemptAborted, estimateSlots, runWorker, type WorkerInput } from '@tenma/worker';
import { slowness } from '@tenma/test-support';
import { runForTest } from '@tenma/worker/testing';
import { describe, expect, test } from 'vitest';
import { leastJsonBytes } from './result-size.ts';
import { computeMatrix, latencyMatrixWorker, type LatencyMatrixOutput } from './worker.ts';

const tokyo = { id: 'ap-northeast-1', lat: 35.68, lon: 139.69 };
const virginia = { id: 'us-east-1', lat: 39.04, lon: -77.49 };
const singapore = { id: 'ap-southeast-1', lat: 1.35, lon: 103.82 };
const three = [tokyo, virginia, singapore];

/** On a golden spiral: spread evenly over the globe. */
function regions(count: number): (typeof tokyo)[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `region-${i}`,
    lat: (Math.asin((2 * i + 1) / count - 1) * 180) / Math.PI,
    lon: ((i * 137.508) % 360) - 180,
  }));
}

const task = { id: 't', attempt: 1, idempotency_key: 'k', region: 'r' };

function run(input: WorkerInput<typeof latencyMatrixWorker>) {
  return runWorker(latencyMatrixWorker, { input, task, signal: new AbortController().signal });
}

async function outputOf(input: WorkerInput<typeof latencyMatrixWorker>): Promise<LatencyMatrixOutput> {
  const outcome = await run(input);
  if (outcome.kind === 'failed') throw new Error(outcome.error.message);
  return outcome.output as LatencyMatrixOutput;
}

/** Virginia has measured Tokyo lately. */
const measured: LatencyVector = {
  from: 'us-east-1',
  to: { 'ap-northeast-1': { p50_ms: 145.3, p95_ms: 151, samples: 25, at: timestamp(Date.now() - 1_000) } },
  coordinate: null,
};

describe('latency-matrix', () => {
  test('has an entry from each region to each other', async () => {
    const output = await outputOf({ regions: three, layer: 'floor' });
    expect(output).toMatchObject({ layer: 'floor', pairs: 6 });
    expect(Object.keys(output.matrix['us-east-1'] ?? {})).toEqual(['ap-northeast-1', 'ap-southeast-1']);
    expect(output.matrix['us-east-1']?.['ap-northeast-1']).toBe(
      output.matrix['ap-northeast-1']?.['us-east-1'],
    );
    expect(output.matrix['ap-northeast-1']?.['ap-southeast-1']).toBeCloseTo(53.1, 0);
    expect(output.cells).toBeUndefined();
    expect(output.elapsed_ms).toBeGreaterThan(0);
  });

  test('estimates real paths unless it is asked for another layer, and never below the floor', async () => {
    const floor = await outputOf({ regions: three, layer: 'floor' });
    const estimated = await outputOf({ regions: three });
    expect(estimated.layer).toBe('estimated');
    for (const [from, row] of Object.entries(estimated.matrix)) {
      for (const [to, ms] of Object.entries(row)) {
        expect(ms).toBeGreaterThanOrEqual(floor.matrix[from]?.[to] ?? Number.NaN);
      }
    }
    expect(estimated.matrix['us-east-1']?.['ap-northeast-1']).toBeGreaterThan(130);
  });

  test('prefers what was measured in the effective layer, and says so in the cells', async () => {
    const { matrix, cells = {} } = await outputOf({
      regions: three,
      layer: 'effective',
      vectors: [measured],
      cells: true,
    });
    expect(matrix['us-east-1']?.['ap-northeast-1']).toBe(145.3);
    expect(cells['us-east-1']?.['ap-northeast-1']).toMatchObject({
      kind: 'measured',
      samples: 25,
      p95_ms: 151,
    });
    expect(cells['us-east-1']?.['ap-northeast-1']?.age_ms).toBeGreaterThanOrEqual(1_000);
    expect(cells['us-east-1']?.['ap-southeast-1']).toMatchObject({ samples: 0, age_ms: null });
  });

  test('takes what was measured whatever its age, and leaves it out of the other layers', async () => {
    const to = { 'ap-northeast-1': { ...measured.to['ap-northeast-1']!, at: timestamp(0) } };
    const vectors = [{ ...measured, to }];
    const effective = await outputOf({ regions: three, layer: 'effective', vectors });
    expect(effective.matrix['us-east-1']?.['ap-northeast-1']).toBe(145.3);
    const estimated = await outputOf({ regions: three, vectors });
    expect(estimated.matrix).toEqual((await outputOf({ regions: three })).matrix);
  });

  test('gives the rows asked for, once each', async () => {
    const output = await outputOf({ regions: three, from: ['us-east-1', 'ap-northeast-1', 'us-east-1'] });
    expect(Object.keys(output.matrix).toSorted()).toEqual(['ap-northeast-1', 'us-east-1']);
    expect(output.pairs).toBe(4);
  });

  test('tells how many rows are done', async () => {
    const seen: unknown[] = [];
    await runWorker(latencyMatrixWorker, {
      input: { regions: three },
      task,
      signal: new AbortController().signal,
      onProgress: (value) => seen.push(value),
    });
    expect(seen.at(-1)).toEqual({ rows_done: 3, rows: 3 });
  });

  test.each([
    { regions: [] },
    { regions: [tokyo, tokyo] },
    { regions: [{ ...tokyo, lat: 91 }] },
    { regions: [tokyo], from: ['elsewhere'] },
    { regions: [tokyo], layer: 'measured' },
    { regions: [tokyo], vectors: [measured, measured] },
    { regions: [tokyo], vectors: [{ from: 'us-east-1' }] },
  ])('takes no %j', (input) => expect(latencyMatrixWorker.input.safeParse(input).success).toBe(false));
});

describe('the size of a latency-matrix', () => {
  test('of 300 regions fits a result, and so does that of 100 with cells', async () => {
    expect(await outputOf({ regions: regions(300) })).toMatchObject({ pairs: 89_700 });
    expect(await outputOf({ regions: regions(100), cells: true })).toMatchObject({ pairs: 9_900 });
  });

  test('is told at once when it does not fit, and the rows that do are given', async () => {
    const all = regions(2_000);
    const { outcome, progress } = await runForTest(latencyMatrixWorker, { regions: all, cells: true });
    expect(progress).toEqual([]);
    expect(outcome).toMatchObject({
      kind: 'failed',
      error: {
        code: 'result_too_large',
        retryable: false,
        message: expect.stringMatching(/ask for rows by `from`, or leave out `cells`/) as unknown,
      },
    });
    const output = await outputOf({ regions: all, from: ['region-0', 'region-999'] });
    expect(output.pairs).toBe(3_998);
    expect(Object.keys(output.matrix)).toEqual(['region-0', 'region-999']);
  });

  test.each([false, true])('is never thought larger than it is (cells: %s)', async (cells) => {
    const all = regions(30);
    const { matrix, cells: seen } = await outputOf({ regions: all, layer: 'floor', cells });
    const bytes = JSON.stringify(matrix).length + (cells ? JSON.stringify(seen).length : 0);
    const ids = all.map(({ id }) => id);
    expect(leastJsonBytes(ids.length, ids, { cells })).toBeLessThanOrEqual(bytes);
    expect(leastJsonBytes(ids.length, ids, { cells })).toBeGreaterThan(bytes / 2);
  });
});

describe('the cost of a latency-matrix', () => {
  test.each([
    ['a few regions', { regions: three }, 1],
    ['100 regions', { regions: regions(100) }, 1],
    ['100 regions with cells', { regions: regions(100), cells: true }, 4],
    ['300 regions', { regions: regions(300) }, 9],
    ['one row of 300', { regions: regions(300), from: ['region-7', 'region-7'] }, 1],
    ['1,000 regions', { regions: regions(1_000) }, 100],
    ['2,000 regions', { regions: regions(2_000) }, 100],
  ])('of %s follows its pairs', async (_, input, slots) => {
    expect(await estimateSlots(latencyMatrixWorker, input)).toBe(slots);
  });
});

describe('the time of a latency-matrix', () => {
  const parsed = (input: WorkerInput<typeof latencyMatrixWorker>) => latencyMatrixWorker.input.parse(input);

  /** Of this thread's processor time, in ms: what other suites take meanwhile says nothing of the matrix. */
  async function cpuMs(action: () => Promise<unknown>): Promise<number> {
    const before = process.threadCpuUsage();
    await action();
    const { user, system } = process.threadCpuUsage(before);
    return (user + system) / 1_000;
  }

  const signal = new AbortController().signal;
  const quiet = { signal, onRows: () => undefined };

  // The times the task is held to, and three times as much for machines that are busy; more for those that are slower.
  // Of two runs the better one counts: the first compiles, and neighbours on the machine take their share of its caches.
  test.each([
    [10, 5],
    [50, 10],
    [1_000, 500],
  ])(
    'of %i regions is at most %i ms, three times over',
    async (count, budgetMs) => {
      const input = parsed({ regions: regions(count) });
      await computeMatrix(parsed({ regions: regions(50) }), quiet);
      const allowedMs = 3 * budgetMs * slowness();
      const first = await cpuMs(() => computeMatrix(input, quiet));
      const second = await cpuMs(() => computeMatrix(input, quiet));
      expect(Math.min(first, second)).toBeLessThan(allowedMs);
    },
    60_000,
  );

  test('is shared with others', async () => {
    let turns = 0;
    const ticking = setInterval(() => turns++, 1);
    const seen: number[] = [];
    const input = parsed({ regions: regions(500) });
    const { matrix } = await computeMatrix(input, { signal, onRows: (done) => seen.push(done) });
    clearInterval(ticking);
    expect(Object.values(matrix).every((row) => Object.keys(row).length === 499)).toBe(true);
    expect(turns).toBeGreaterThan(5);
    expect(seen.length).toBeGreaterThan(5);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  });

  test('ends when it is aborted', async () => {
    const controller = new AbortController();
    const computing = computeMatrix(parsed({ regions: regions(1_000) }), {
      signal: controller.signal,
      onRows: () => controller.abort(new AttemptAborted('cancelled')),
    });
    await expect(computing).rejects.toBeInstanceOf(AttemptAborted);
  });
});
