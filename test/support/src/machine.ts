/** What a test takes out of its figures, so that they judge the product and not the machine. */

/** How long this process has been kept from running, from the making of this until it is asked. */
export interface Stalls extends Disposable {
  readonly lateMs: number;
}

/** Timers are off by so much on a machine that has nothing else to do. */
const usualLatenessMs = 5;
const tickMs = 10;

/**
 * Adds up, by the monotonic clock, how late a timer of 10 ms comes. Not counted is what timers are off by anyway, nor what
 * this thread has computed itself: blocking its event loop is no excuse for what runs in it.
 */
export function measureStalls(): Stalls {
  let sumMs = 0;
  let tickedAt = performance.now();
  let cpu = process.threadCpuUsage();
  const latenessMs = () => {
    const { user, system } = process.threadCpuUsage(cpu);
    const ms = performance.now() - tickedAt - tickMs - (user + system) / 1_000;
    return ms > usualLatenessMs ? ms : 0;
  };
  const ticking = setInterval(() => {
    sumMs += latenessMs();
    tickedAt = performance.now();
    cpu = process.threadCpuUsage();
  }, tickMs);
  return {
    get lateMs() {
      return sumMs + latenessMs();
    },
    [Symbol.dispose]: () => clearInterval(ticking),
  };
}

/** Of {@link fixedWork}, on the machine that budgets of processor time are set on. */
const nominalMs = 15;

/**
 * How many times slower than the machine of the budgets this one is now, by the processor time of a fixed piece of
 * work; 1 on one that is as fast or faster.
 */
export function slowness(): number {
  // The first one compiles.
  const measuredMs = Math.min(...Array.from({ length: 3 }, () => processorMs(fixedWork)));
  return Math.max(1, measuredMs / nominalMs);
}

/** Of this thread: what others take meanwhile is not counted. */
function processorMs(action: () => unknown): number {
  const before = process.threadCpuUsage();
  action();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1_000;
}

function fixedWork(): number {
  const numbers = new Map(Array.from({ length: 1_000 }, (_, at) => [`key-${at}`, at]));
  const keys = [...numbers.keys()];
  let sum = 0;
  for (let at = 0; at < 400_000; at += 1) {
    sum += Math.sin(at) * Math.sqrt(at) + (numbers.get(keys[at % keys.length] ?? '') ?? 0);
  }
  return sum;
}
