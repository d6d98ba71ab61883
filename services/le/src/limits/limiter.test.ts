import type { RateLimit } from '@tenma/protocol';
import { manualClock } from '@tenma/runtime';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLimiter, type Limiter } from './limiter.ts';

const customer = { type: 'echo', limitKey: 'customer-7' };
const task = (id: number | string, limitKey = customer.limitKey) => ({
  id: String(id),
  type: 'echo',
  limitKey,
});
const noLimit = () => undefined;

function takeAll(limiter: Limiter, from: number): number {
  const free = limiter.free(customer);
  for (let n = 0; n < free; n += 1) limiter.take(task(from + n));
  return free;
}

const step = fc.oneof(
  fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 3_000 }) }),
  fc.record({ kind: fc.constant('take' as const), most: fc.integer({ min: 1, max: 50 }) }),
  fc.record({ kind: fc.constant('end' as const), nth: fc.nat(20) }),
);
const rateLimit = fc.record({
  per_s: fc.option(fc.double({ min: 0.1, max: 200, noNaN: true }), { nil: undefined }),
  concurrent: fc.option(fc.integer({ min: 1, max: 30 }), { nil: undefined }),
});

function defined({
  per_s,
  concurrent,
}: {
  per_s?: number | undefined;
  concurrent?: number | undefined;
}): RateLimit {
  return { ...(per_s === undefined ? {} : { per_s }), ...(concurrent === undefined ? {} : { concurrent }) };
}

describe('the limiter', () => {
  it('never has more out than concurrent, nor starts more in any window than its rate and one burst', async () => {
    await fc.assert(
      fc.asyncProperty(rateLimit, rateLimit, fc.array(step, { maxLength: 60 }), async (key, type, steps) => {
        const clock = manualClock();
        const limits = [defined(key), defined(type)];
        const limiter = createLimiter({ clock }, () => limits[1]);
        limiter.learn({ key: customer.limitKey, ...limits[0] }, 0);
        const out: string[] = [];
        const starts: number[] = [];
        for (const one of steps) {
          if (one.kind === 'wait') await clock.advance(one.ms);
          if (one.kind === 'end') out.splice(one.nth, 1).forEach((id) => limiter.release(id));
          if (one.kind !== 'take') continue;
          for (let n = Math.min(one.most, limiter.free(customer)); n > 0; n -= 1) {
            const id = `task ${starts.length}`;
            limiter.take(task(id));
            out.push(id);
            starts.push(clock.monotonic());
          }
          for (const { concurrent = Infinity } of limits) expect(out.length).toBeLessThanOrEqual(concurrent);
        }
        for (const { per_s } of limits) if (per_s !== undefined) expectWithin(starts, per_s);
      }),
      { numRuns: 200 },
    );
  });

  it('says when the next token is due, and then has it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.double({ min: 0.01, max: 500, noNaN: true }), async (perS) => {
        const clock = manualClock();
        const limiter = createLimiter({ clock }, noLimit);
        limiter.learn({ key: customer.limitKey, per_s: perS }, 0);
        takeAll(limiter, 0);
        const { goneInMs } = limiter.obstacle(customer) ?? {};
        expect(goneInMs).toBeGreaterThan(0);
        await clock.advance((goneInMs ?? 0) + 1);
        expect(limiter.free(customer)).toBeGreaterThan(0);
        expect(limiter.obstacle(customer)).toBeNull();
      }),
    );
  });

  it('counts by the numbers of the newest task of a key', () => {
    const limiter = createLimiter({ clock: manualClock() }, noLimit);
    expect(limiter.free(customer)).toBe(0);
    limiter.learn({ key: 'customer-7', concurrent: 5 }, 100);
    limiter.learn({ key: 'customer-7', concurrent: 9 }, 99);
    expect(limiter.free(customer)).toBe(5);
    limiter.learn({ key: 'customer-7', concurrent: 2 }, 101);
    expect(takeAll(limiter, 0)).toBe(2);
    limiter.learn({ key: 'customer-7', concurrent: 1 }, 102);
    limiter.release('0');
    expect(limiter.free(customer)).toBe(0);
    limiter.release('1');
    expect(limiter.free(customer)).toBe(1);
  });

  it('shares a key over types, and a type over keys', () => {
    const limiter = createLimiter({ clock: manualClock() }, (type) =>
      type === 'echo' ? { concurrent: 3 } : undefined,
    );
    limiter.learn({ key: 'customer-7', concurrent: 2 }, 0);
    limiter.learn({ key: 'other', concurrent: 10 }, 0);
    limiter.take({ id: 'a', type: 'probe', limitKey: 'customer-7' });
    expect(limiter.free(customer)).toBe(1);
    for (const id of ['b', 'c', 'd']) limiter.take(task(id, 'other'));
    expect(limiter.obstacle(customer)).toEqual({ name: 'type echo', goneInMs: null });
    expect(limiter.free({ type: 'probe', limitKey: 'customer-7' })).toBe(1);
    expect(limiter.free({ type: 'probe', limitKey: '' })).toBe(Infinity);
  });

  it('counts a task once, and takes over what others have sent', () => {
    const limiter = createLimiter({ clock: manualClock() }, () => ({ concurrent: 3 }));
    limiter.learn({ key: 'customer-7', concurrent: 2 }, 0);
    limiter.take(task('a'));
    limiter.take(task('a'));
    expect(limiter.free(customer)).toBe(1);
    limiter.recount([task('b'), task('c', '')]);
    expect(limiter.free(customer)).toBe(1);
    limiter.release('a');
    expect(limiter.out).toBe(2);
    limiter.release('b');
    expect(limiter.free(customer)).toBe(2);
  });

  it('begins with empty buckets, as nobody knows what was sent before', async () => {
    const clock = manualClock(5_000);
    const limiter = createLimiter({ clock }, noLimit);
    limiter.learn({ key: 'customer-7', per_s: 10 }, 0);
    expect(limiter.free(customer)).toBe(0);
    await clock.advance(500);
    expect(limiter.free(customer)).toBe(5);
    limiter.restart();
    limiter.learn({ key: 'customer-7', per_s: 10 }, 0);
    expect(limiter.free(customer)).toBe(0);
  });

  it('forgets keys that nobody uses', async () => {
    const clock = manualClock();
    const limiter = createLimiter({ clock }, noLimit);
    limiter.learn({ key: 'customer-7', concurrent: 2 }, 100);
    limiter.take(task('a'));
    await clock.advance(120_000);
    limiter.forgetIdle();
    expect(limiter.free(customer)).toBe(1);
    limiter.release('a');
    limiter.forgetIdle();
    expect(limiter.free(customer)).toBe(0);
    limiter.learn({ key: 'customer-7', concurrent: 7 }, 50);
    expect(limiter.free(customer)).toBe(7);
  });

  it('says in words what is waited for', async () => {
    const clock = manualClock();
    const limiter = createLimiter({ clock }, () => ({ per_s: 10 }));
    limiter.learn({ key: 'customer-7', concurrent: 5 }, 0);
    await clock.advance(1_000);
    expect(limiter.waitingFor(customer)).toBeNull();
    expect(takeAll(limiter, 0)).toBe(5);
    expect(limiter.waitingFor(customer)).toBe('limit key customer-7: 5 of 5 running');
    for (let n = 0; n < 5; n += 1) limiter.take(task(`other ${n}`, ''));
    expect(limiter.waitingFor({ type: 'echo', limitKey: '' })).toBe(
      'limit of type echo, rate 10/s: next in 0.1 s',
    );
  });
});

/** In any window: no more starts than the rate gives in it, and one burst. */
function expectWithin(starts: readonly number[], perS: number): void {
  for (const [first, from] of starts.entries()) {
    for (const [last, to] of starts.entries()) {
      if (last < first) continue;
      const most = (perS * (to - from)) / 1_000 + Math.max(1, perS);
      expect(last - first + 1).toBeLessThanOrEqual(most + 1e-6);
    }
  }
}
