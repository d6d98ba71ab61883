import type { NodesFigures } from './measure.ts';

export function nodesReport(figures: NodesFigures): string {
  const { lagMs, cores, peakRssMib, unsuccessful } = figures;
  const ms = (value: number) => `${value.toFixed(0)} ms`;
  const total = Object.values(cores).reduce((sum, used) => sum + used, 0);
  const parts = Object.keys(cores).map((name) => {
    const memory = peakRssMib[name];
    return `  ${name.padEnd(12)} ${(cores[name] ?? 0).toFixed(2)} cores${memory === undefined ? '' : `   peak ${memory.toFixed(0)} MiB`}`;
  });
  return [
    `${figures.probesPerSecond.toFixed(0)} probes/s; ${figures.onlineAtEnd} nodes online at the end`,
    `schedule lag, slot to start on a worker: p50 ${ms(lagMs.p50)}, p99 ${ms(lagMs.p99)}, max ${ms(lagMs.max)} (${lagMs.samples} samples)`,
    `not succeeded, of the samples: ${JSON.stringify(unsuccessful)}`,
    `${total.toFixed(2)} cores in all`,
    ...parts,
  ].join('\n');
}
