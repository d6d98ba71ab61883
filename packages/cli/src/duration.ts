import { UsageError } from './cli-errors.ts';

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/**
 * `500ms`, `30s`, `5m`, `1.5h` in milliseconds.
 * @param bareUnit the unit of a number without one; a number without one is refused when this is left out
 * @throws UsageError
 */
export function parseDuration(text: string, option: string, bareUnit?: string): number {
  const [, amount = '', unit = bareUnit ?? ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text) ?? [];
  const ms = Math.round(Number(amount) * (unitMs[unit] ?? Number.NaN));
  if (amount !== '' && Number.isFinite(ms)) return ms;
  throw new UsageError(
    `${option} takes a duration, not ${JSON.stringify(text)}`,
    `Write a number and a unit: ${option}=500ms, ${option}=30s, ${option}=5m.`,
  );
}

/** For people: `43 ms`, `3.1 s`, `4 m 10 s`, `3 h 2 m`. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} m ${Math.floor((ms % 60_000) / 1_000)} s`;
  return `${Math.floor(ms / 3_600_000)} h ${Math.floor((ms % 3_600_000) / 60_000)} m`;
}
