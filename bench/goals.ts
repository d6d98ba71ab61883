/** What Tenma is to reach, and whether it did. Ratios are of Tenma to the floor, pair by pair, and then the median. */
export const goals = {
  throughputRatio: { bound: 0.5, atLeast: true },
  latencyRatio: { bound: 3, atLeast: false },
  drainRatio: { bound: 0.8, atLeast: true },
  peakRssMib: { bound: 512, atLeast: false },
} as const;

/** `≥ 0.5: met`, or `≥ 0.5: MISSED`; a figure that is none has missed. */
export function verdict(goal: keyof typeof goals, value: number): string {
  const { bound, atLeast } = goals[goal];
  const met = atLeast ? value >= bound : value <= bound;
  return `${atLeast ? '≥' : '≤'} ${bound}: ${met ? 'met' : 'MISSED'}`;
}
