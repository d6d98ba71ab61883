import { setImmediate as turn } from 'node:timers/promises';
import { type Pace, paces, type Preset, presets, worstCaseSwitchMs } from '@tenma/geo';
import { describe, expect, it } from 'vitest';
import { durations, harshRates, type Rates } from './faults.ts';
import { type Outcome, type Run, simulate } from './simulate.ts';

/** Of the default pace; `fast` has ten times the probes, and gets a fiftieth of the runs. */
const runs = Number(process.env['TENMA_SIMULATION_RUNS'] ?? 1_000);
const calm: Rates = { nodeCrash: 0, regionLoss: 0, observerSilent: 0, observerCutOff: 0, handover: 0 };
const lossShare = 0.1;

interface Total {
  readonly faults: string[];
  readonly switchTimes: number[];
  readonly counts: Record<string, number>;
}

/** Runs the seeds one after the other, letting the test runner breathe in between. */
async function simulateAll(count: number, run: Omit<Run, 'seed'>): Promise<Total> {
  const total: Total = { faults: [], switchTimes: [], counts: {} };
  for (let seed = 1; seed <= count; seed += 1) {
    const outcome: Outcome = simulate({ ...run, seed });
    total.faults.push(...outcome.faults.map((fault) => `seed ${seed} ${fault}`));
    total.switchTimes.push(...outcome.switchTimes);
    for (const [name, value] of Object.entries(outcome.counts))
      total.counts[name] = (total.counts[name] ?? 0) + value;
    await turn();
  }
  return total;
}

function report(title: string, pace: Pace, { counts, switchTimes }: Total, cpuMs: number): void {
  const sorted = switchTimes.toSorted((a, b) => a - b);
  const at = (share: number) =>
    `${((sorted[Math.floor((sorted.length - 1) * share)] ?? 0) / 1_000).toFixed(1)} s`;
  const lines = [
    `${title}; ${(cpuMs / 1_000).toFixed(1)} s of CPU`,
    `faults an hour, each thing: ${JSON.stringify(harshRates)}, lasting (ms) ${JSON.stringify(durations)}`,
    `counted: ${JSON.stringify(counts)}`,
    `losses of the active region left: ${sorted.length}, after p50 ${at(0.5)}, p99 ${at(0.99)}, at most ${at(1)} of ${worstCaseSwitchMs(pace) / 1_000} s`,
  ];
  process.stdout.write(`${lines.join('\n  ')}\n`);
}

describe('an hour of a fabric in which everything breaks, and a tenth of the probes gets lost', () => {
  const shares: Record<Preset, number> = { default: 1, fast: 0.02 };
  it.each(presets)(
    'at the pace %s: no false failover, no epoch twice, no loss that is not left in time',
    { timeout: 900_000 },
    async (preset) => {
      // Fewer hours than that would not have enough in them to say anything.
      const count = Math.max(20, Math.ceil(runs * shares[preset]));
      const before = process.cpuUsage();
      const total = await simulateAll(count, { pace: paces[preset], rates: harshRates, lossShare });
      const { user, system } = process.cpuUsage(before);
      report(`${count} hours at the pace ${preset}`, paces[preset], total, (user + system) / 1_000);
      expect(total.faults).toEqual([]);
      // It was worth the while: there were losses to be left, and races for the epoch.
      expect(total.switchTimes.length).toBeGreaterThan(count / 4);
      expect(total.counts['lostRaces']).toBeGreaterThan(0);
    },
  );
});

describe('the same hours show', { timeout: 120_000 }, () => {
  const harsh = { pace: paces.default, rates: harshRates, lossShare };

  it('the same things again, from the same seed', () => {
    expect(simulate({ ...harsh, seed: 7 })).toEqual(simulate({ ...harsh, seed: 7 }));
  });

  it('two epochs at a time, when they are not taken by compare-and-set', async () => {
    const { faults } = await simulateAll(40, { ...harsh, compareAndSet: false });
    expect(faults.some((fault) => fault.includes('is the switch number'))).toBe(true);
  });

  it('losses left too late, when they are held against a shorter bound', async () => {
    const { faults } = await simulateAll(40, { ...harsh, boundMs: 10_000 });
    expect(faults.some((fault) => fault.includes('not left within 10000 ms'))).toBe(true);
  });
});

it('a region that comes back while it is judged is not left, but would be if nobody confirmed', async () => {
  const found = { confirmed: [] as string[], unconfirmed: [] as string[] };
  for (let seed = 1; seed <= 100; seed += 1) {
    const script: NonNullable<Run['script']> = (world, timeline) => {
      const [region] = world.regions;
      for (const [afterMs, lost] of [
        [60_000, true],
        [69_000 + 80 * seed, false],
      ] as const)
        timeline.after(afterMs, () => {
          if (region) region.lost = lost;
          world.changed(timeline.now);
        });
    };
    const run = { seed, pace: paces.default, rates: calm, lossShare, forMs: 120_000, script };
    found.confirmed.push(...simulate(run).faults);
    found.unconfirmed.push(...simulate({ ...run, confirms: false }).faults);
    await turn();
  }
  expect(found.confirmed).toEqual([]);
  expect(found.unconfirmed.some((fault) => fault.includes('had been away for no time'))).toBe(true);
});

describe('an active region that is up for 5 s and down for 5 s, for ten minutes', () => {
  it.each(presets)('is left at most once at the pace %s', { timeout: 120_000 }, async (preset) => {
    const flaps =
      (swallows: boolean): NonNullable<Run['script']> =>
      (world, timeline) => {
        const region = world.regions[0];
        if (!region) return;
        region.swallows = swallows;
        const start = timeline.now + 60_000;
        for (let at = start; at < start + 600_000; at += 5_000) {
          timeline.at(at, () => {
            region.lost = (at - start) % 10_000 === 0;
            world.changed(timeline.now);
          });
        }
      };
    for (let seed = 1; seed <= 10; seed += 1) {
      for (const loss of [0, lossShare]) {
        for (const swallows of [true, false]) {
          const run = { seed, pace: paces[preset], rates: calm, lossShare: loss, forMs: 660_000 };
          const { counts } = simulate({ ...run, script: flaps(swallows) });
          expect(counts['switches']).toBeLessThanOrEqual(1);
          await turn();
        }
      }
    }
  });
});
