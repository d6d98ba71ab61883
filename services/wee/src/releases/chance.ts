/** So many of so many. */
export interface Part {
  readonly hits: number;
  readonly of: number;
}

/**
 * The chance that the lot alone gives one side so many of the hits of both, or more (Fisher's exact test, one-sided).
 * It holds for the smallest of numbers, and whatever the true rate is.
 */
export function chanceOfMore(one: Part, other: Part): number {
  const [hits, misses] = [one.hits + other.hits, one.of - one.hits + (other.of - other.hits)];
  const most = Math.min(hits, one.of);
  let term = Math.exp(
    logChoose(hits, one.hits) + logChoose(misses, one.of - one.hits) - logChoose(hits + misses, one.of),
  );
  let sum = 0;
  for (let k = one.hits; k <= most; k++) {
    sum += term;
    // From its peak on each term is smaller than the last: soon they change nothing.
    if (term < sum * 1e-6) break;
    term *= ((hits - k) * (one.of - k)) / ((k + 1) * (misses - one.of + k + 1));
  }
  return Math.min(1, sum);
}

/** The chance of so many hits, or more, where each has this rate. */
export function chanceOfAtLeast({ hits, of }: Part, rate: number): number {
  let fewer = 0;
  for (let k = 0; k < hits; k++) {
    fewer += Math.exp(logChoose(of, k) + k * Math.log(rate) + (of - k) * Math.log(1 - rate));
  }
  return Math.max(0, 1 - fewer);
}

function logChoose(of: number, hits: number): number {
  return logFactorial(of) - logFactorial(hits) - logFactorial(of - hits);
}

const small = [0];
for (let n = 1; n < 256; n++) small.push((small[n - 1] ?? 0) + Math.log(n));

/** Beyond the table by Stirling's series, exact to ten digits there. */
function logFactorial(n: number): number {
  return small[n] ?? (n + 0.5) * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI) + 1 / (12 * n);
}
