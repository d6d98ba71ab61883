import { AttemptAborted, runWorker, type WorkerOutput } from '@tenma/worker';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { distanceKm, earthRadiusKm, type Place, roundTripFloorMs } from './great-circle.ts';
import { latencyFloors, leastJsonBytes, type Region } from './matrix.ts';
import { latencyMatrixWorker } from './worker.ts';

const place = fc.record({
  lat: fc.double({ min: -90, max: 90, noNaN: true }),
  lon: fc.double({ min: -180, max: 180, noNaN: true }),
});

const tokyo = { id: 'ap-northeast-1', lat: 35.68, lon: 139.69 };
const virginia = { id: 'us-east-1', lat: 39.04, lon: -77.49 };
const singapore = { id: 'ap-southeast-1', lat: 1.35, lon: 103.82 };

/** On a golden spiral: spread evenly over the globe. */
function regions(count: number): Region[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `region-${i}`,
    lat: (Math.asin((2 * i + 1) / count - 1) * 180) / Math.PI,
    lon: ((i * 137.508) % 360) - 180,
  }));
}

const task = { id: 't', attempt: 1, idempotency_key: 'k', region: 'r' };

describe('the great circle', () => {
  const halfTurnKm = Math.PI * earthRadiusKm;
  const nearly = (a: number, b: number) => Math.abs(a - b) < 1e-3;

  test('is as long there as back', () => {
    fc.assert(fc.property(place, place, (a, b) => nearly(distanceKm(a, b), distanceKm(b, a))));
  });

  test('is nothing from a place to itself, and a metre to a place a metre away', () => {
    fc.assert(fc.property(place, (a) => distanceKm(a, a) === 0));
    const metre = { lat: 180 / halfTurnKm / 1_000, lon: 0 };
    expect(distanceKm({ lat: 0, lon: 0 }, metre)).toBeCloseTo(0.001, 9);
  });

  test('is never longer than half the globe, nor than a detour', () => {
    fc.assert(
      fc.property(place, place, place, (a, b, c) => {
        const direct = distanceKm(a, c);
        return direct <= halfTurnKm + 1e-6 && direct <= distanceKm(a, b) + distanceKm(b, c) + 1e-3;
      }),
    );
  });

  test('does not mind on which side of the date line a place is written', () => {
    const both = (a: Place) => nearly(distanceKm({ ...a, lon: -180 }, a), distanceKm({ ...a, lon: 180 }, a));
    fc.assert(fc.property(place, both));
  });

  test('gives round trips that light in fibre needs', () => {
    expect(distanceKm(tokyo, singapore)).toBeCloseTo(5_312, -1);
    expect(roundTripFloorMs(tokyo, singapore)).toBeCloseTo(53.1, 0);
    expect(roundTripFloorMs(tokyo, virginia)).toBeCloseTo(109, 0);
  });
});

describe('latency-matrix', () => {
  type Output = WorkerOutput<typeof latencyMatrixWorker>;

  async function outputOf(input: unknown): Promise<Output> {
    const outcome = await runWorker(latencyMatrixWorker, {
      input,
      task,
      signal: new AbortController().signal,
    });
    if (outcome.kind === 'failed') throw new Error(outcome.error.message);
    return outcome.output as Output;
  }

  test('has an entry from each region to each other', async () => {
    const output = await outputOf({ regions: [tokyo, virginia, singapore] });
    expect(output).toMatchObject({ kind: 'floor', pairs: 6 });
    expect(Object.keys(output.matrix['us-east-1'] ?? {})).toEqual(['ap-northeast-1', 'ap-southeast-1']);
    expect(output.matrix['us-east-1']?.['ap-northeast-1']).toBe(
      output.matrix['ap-northeast-1']?.['us-east-1'],
    );
    expect(output.matrix['ap-northeast-1']?.['ap-southeast-1']).toBeCloseTo(53.1, 0);
  });

  test('fits 100 regions in a result', async () => {
    expect(await outputOf({ regions: regions(100) })).toMatchObject({ pairs: 9_900 });
  });

  test('computes 1,000 regions within 500 ms and lets others run meanwhile', async () => {
    const all = regions(1_000);
    let turns = 0;
    const ticking = setInterval(() => turns++, 1);
    const seen: number[] = [];
    // Of this thread's processor time: what other suites take meanwhile says nothing of the matrix.
    const before = process.threadCpuUsage();
    const rows = await latencyFloors(all, all, {
      signal: new AbortController().signal,
      onRows: (done) => seen.push(done),
    });
    const { user, system } = process.threadCpuUsage(before);
    clearInterval(ticking);
    expect(rows.map((row) => row.length)).toEqual(all.map(() => 1_000));
    expect((user + system) / 1_000).toBeLessThan(500);
    expect(turns).toBeGreaterThan(5);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  });

  test('says at once when the matrix does not fit a result, and gives the rows that do', async () => {
    const all = regions(1_000);
    const signal = new AbortController().signal;
    const outcome = await runWorker(latencyMatrixWorker, { input: { regions: all }, task, signal });
    expect(outcome).toMatchObject({ kind: 'failed', error: { code: 'result_too_large', retryable: false } });
    const output = await outputOf({ regions: all, from: ['region-0', 'region-999'] });
    expect(output.pairs).toBe(1_998);
    expect(Object.keys(output.matrix)).toEqual(['region-0', 'region-999']);
  });

  test('never calls a matrix too large that fits', async () => {
    const all = regions(40);
    const { matrix } = await outputOf({ regions: all });
    const bytes = JSON.stringify(matrix).length;
    expect(leastJsonBytes(all, all)).toBeLessThanOrEqual(bytes);
    expect(leastJsonBytes(all, all)).toBeGreaterThan(bytes / 2);
  });

  test('stops when it is aborted', async () => {
    const all = regions(1_000);
    const controller = new AbortController();
    const computing = latencyFloors(all, all, {
      signal: controller.signal,
      onRows: () => controller.abort(new AttemptAborted('cancelled')),
    });
    await expect(computing).rejects.toBeInstanceOf(AttemptAborted);
  });

  test.each([
    { regions: [] },
    { regions: [tokyo, tokyo] },
    { regions: [{ ...tokyo, lat: 91 }] },
    { regions: [tokyo], from: ['elsewhere'] },
  ])('takes no %j', (input) => expect(latencyMatrixWorker.input.safeParse(input).success).toBe(false));
});
