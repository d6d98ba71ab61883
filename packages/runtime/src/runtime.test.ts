import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ConfigError, createBatcher, every, fullJitterMs, manualClock, readConfig, sleep } from './index.ts';

describe('a batcher', () => {
  it('sends alone what comes alone, and together what comes while another batch is on its way', async () => {
    const batches: number[][] = [];
    let finish: () => void = () => undefined;
    const batcher = createBatcher<number, number>({
      maxItems: 3,
      async flush(items) {
        batches.push(items);
        await new Promise<void>((resolve) => (finish = resolve));
        return items.map((item) => item * 2);
      },
    });
    const first = batcher.add(1);
    await new Promise(setImmediate);
    const rest = [2, 3, 4, 5].map((item) => batcher.add(item));
    for (let turn = 0; turn < 10; turn += 1) {
      finish();
      await new Promise(setImmediate);
    }
    expect(batches).toEqual([[1], [2, 3, 4], [5]]);
    expect(await Promise.all([first, ...rest])).toEqual([2, 4, 6, 8, 10]);
    await batcher.idle();
  });

  it('cuts batches by size, but sends an item that is larger alone', async () => {
    const batches: number[][] = [];
    const batcher = createBatcher<number, undefined>({
      maxItems: 10,
      maxSize: 5,
      sizeOf: (item) => item,
      async flush(items) {
        batches.push(items);
        return [];
      },
    });
    await Promise.all([2, 3, 4, 9, 1].map((item) => batcher.add(item)));
    expect(batches).toEqual([[2, 3], [4], [9], [1]]);
  });

  it('fails every item of a batch that fails, and goes on', async () => {
    const batcher = createBatcher<number, undefined>({
      maxItems: 2,
      async flush(items) {
        if (items.includes(1)) throw new Error('no');
        return [];
      },
    });
    const settled = await Promise.allSettled([1, 2, 3].map((item) => batcher.add(item)));
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
  });
});

describe('backoff', () => {
  it('stays within zero and the cap, and its ceiling doubles', () => {
    const policy = { initialMs: 100, factor: 2, capMs: 2_000 };
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (retry, random) => {
          const wait = fullJitterMs(policy, retry, () => random);
          expect(wait).toBeGreaterThanOrEqual(0);
          expect(wait).toBeLessThanOrEqual(Math.min(2_000, 100 * 2 ** (retry - 1)));
        },
      ),
    );
  });
});

describe('a clock', () => {
  it('sleeps until its time, or until the signal', async () => {
    const clock = manualClock();
    let slept = false;
    const sleeping = sleep(clock, 100).then(() => (slept = true));
    await clock.advance(99);
    expect(slept).toBe(false);
    await clock.advance(1);
    await sleeping;
    const stop = new AbortController();
    const waiting = sleep(clock, 100, stop.signal);
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });

  it('repeats without overlapping, until disposed', async () => {
    const clock = manualClock();
    let calls = 0;
    const repeating = every(clock, 10, () => void (calls += 1));
    await clock.advance(35);
    expect(calls).toBe(3);
    repeating[Symbol.dispose]();
    await clock.advance(100);
    expect(calls).toBe(3);
  });
});

describe('configuration', () => {
  const schema = z.object({ PORT: z.coerce.number().int().default(80), SECRET: z.string() });

  it('comes from TENMA_ variables, or from the files they name, and is frozen', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tenma-config-'));
    writeFileSync(join(folder, 'secret'), 'hush\n');
    const config = readConfig(schema, { TENMA_PORT: '81', TENMA_SECRET_FILE: join(folder, 'secret') });
    rmSync(folder, { recursive: true });
    expect(config).toEqual({ PORT: 81, SECRET: 'hush' });
    expect(Object.isFrozen(config)).toBe(true);
  });

  it('names every fault at once', () => {
    expect(() => readConfig(schema, { TENMA_PORT: 'x' })).toThrow(/TENMA_PORT[\s\S]*TENMA_SECRET/);
  });

  it('says what a setting is for that has to be set', () => {
    const needed = z.object({ URL: z.string().regex(/:/).describe('Where it is: `a:b`.') });
    expect(() => readConfig(needed, {})).toThrow(/TENMA_URL: has to be set: Where it is: `a:b`\.$/);
    expect(() => readConfig(schema, {})).toThrow(/TENMA_SECRET: has to be set$/);
  });

  it('says so too where the setting has words of its own for what it got', () => {
    const url = z.url({ error: 'an amqp:// URL is needed' }).describe('RabbitMQ.');
    const needed = z.object({ URL: url });
    expect(() => readConfig(needed, {})).toThrow(/TENMA_URL: has to be set: RabbitMQ\.$/);
    expect(() => readConfig(needed, { TENMA_URL: 'x' })).toThrow(/TENMA_URL: an amqp:\/\/ URL is needed$/);
    const both = z
      .object({ HOST: z.string(), NAME: z.string().optional().describe('Its name.') })
      .refine(({ NAME }) => NAME !== undefined, { path: ['NAME'], error: 'is needed with a host' });
    expect(() => readConfig(both, { TENMA_HOST: 'h' })).toThrow(/TENMA_NAME: is needed with a host$/);
  });

  describe('does not show', () => {
    const repeating = z
      .string()
      .superRefine((text, context) => context.addIssue(`${text}: is not good`))
      .describe('A list.');
    const all = z.object({ N: z.coerce.number(), LIST: repeating, STORE_URL: repeating });
    const messageOf = (environment: Record<string, string>) => {
      try {
        readConfig(all, { TENMA_N: '1', TENMA_LIST: 'a list', TENMA_STORE_URL: 'x:', ...environment });
      } catch (error) {
        return (error as ConfigError).message;
      }
      return 'none';
    };

    it('what a file holds', () => {
      const folder = mkdtempSync(join(tmpdir(), 'tenma-config-'));
      const file = join(folder, 'secret');
      writeFileSync(file, 'hush\n');
      const message = messageOf({ TENMA_N_FILE: file, TENMA_LIST_FILE: file });
      rmSync(folder, { recursive: true });
      expect(message).not.toContain('hush');
      expect(message).toContain('TENMA_N: is to be a number, not what the file of TENMA_N_FILE holds');
      expect(message).toContain('TENMA_LIST: cannot be what the file of TENMA_LIST_FILE holds: A list.');
    });

    it('a URL that may have a password, and shows what else it is', () => {
      const url = 'amqp://user:hush/@host';
      const environment = { TENMA_N: url, TENMA_LIST: url, TENMA_STORE_URL: 'hush' };
      const message = messageOf(environment);
      expect(message).not.toContain('hush');
      expect(message).toContain('TENMA_N: is to be a number, not what it is');
      expect(messageOf({ TENMA_N_FILE: url })).not.toContain('hush');
      expect(messageOf({})).toContain('TENMA_LIST: a list: is not good');
    });
  });

  const number = z.coerce.number();
  it.each([
    ['banana', number.int().min(0).max(65_535).optional(), 'a whole number from 0 to 65535'],
    ['0.5', number.int().min(1).default(1), 'a whole number from 1 up'],
    ['-1', number.min(0.2), 'a number from 0.2 up'],
    ['0', number.positive(), 'a number above 0'],
    ['x', number, 'a number'],
  ])('says what a number is to be, and that %s is not', (value, field, need) => {
    expect(() => readConfig(z.object({ N: field }), { TENMA_N: value })).toThrow(
      new ConfigError(
        `The environment does not make a configuration:\n  TENMA_N: is to be ${need}, not "${value}"`,
      ),
    );
  });
});
