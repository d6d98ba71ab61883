import type { StandardSchemaV1 } from '@standard-schema/spec';
import { taskErrorSchema, taskTypeSchema } from '@tenma/protocol';
import { type } from 'arktype';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import {
  type AnyWorker,
  AttemptAborted,
  defineWorker,
  isWorker,
  runWorker,
  taskTypeOf,
  WorkerError,
  type WorkerInput,
  type WorkerOutput,
} from './index.ts';

const task = { id: 't', attempt: 1, idempotency_key: 'k', region: 'r' };
const base = { type: 'demo', version: '1.2.3', description: 'A demonstration.' };
const attempt = (input: unknown, signal = new AbortController().signal) => ({ input, task, signal });

const greeting = defineWorker({
  ...base,
  input: z.object({ name: z.string().default('world'), times: z.int().optional() }),
  output: z.object({ text: z.string() }),
  progress: z.object({ at: z.int() }),
  cost: 'medium',
  retry: { max_attempts: 2 },
  timeout_ms: 5_000,
  example: { name: 'Ada' },
  run({ input, progress }) {
    expectTypeOf(input).toEqualTypeOf<{ name: string; times?: number | undefined }>();
    expectTypeOf(progress).parameter(0).toEqualTypeOf<{ at: number }>();
    return { text: `hello, ${input.name}` };
  },
});

describe('defineWorker', () => {
  test('infers what goes in and what comes out', () => {
    expectTypeOf<WorkerInput<typeof greeting>>().toEqualTypeOf<{
      name?: string | undefined;
      times?: number | undefined;
    }>();
    expectTypeOf<WorkerOutput<typeof greeting>>().toEqualTypeOf<{ text: string }>();
    // @ts-expect-error -- the output has to fit its schema
    defineWorker({ ...base, input: z.null(), output: z.object({ n: z.number() }), run: () => ({ n: 'x' }) });
    // @ts-expect-error -- a schema without JSON Schema needs one beside it
    expect(() => defineWorker({ ...base, input: plainSchema, output: z.null(), run: () => null })).toThrow(
      'gives no JSON Schema',
    );
  });

  test('makes the task type that a WEE announces', () => {
    expect(taskTypeOf(greeting)).toMatchObject({
      ...base,
      timeout_ms: 5_000,
      retry: { max_attempts: 2, initial_ms: 1_000, factor: 2, cap_ms: 100_000 },
      cost: 'medium',
      example: { name: 'Ada' },
      input_schema: { type: 'object', properties: { name: { type: 'string', default: 'world' } } },
      output_schema: { type: 'object', required: ['text'] },
    });
    expect(taskTypeOf(greeting).input_schema).not.toHaveProperty('required');
  });

  test('hands the functions of a worker what its schemas give', () => {
    defineWorker({
      ...base,
      input: z.object({ size: z.int().default(1) }),
      output: z.object({ at: z.coerce.number() }),
      cost(input) {
        expectTypeOf(input).toEqualTypeOf<{ size: number }>();
        return input.size;
      },
      shadow(before, after) {
        expectTypeOf(before).toEqualTypeOf<{ at: number }>();
        expectTypeOf(after).toEqualTypeOf<{ at: number }>();
        return true;
      },
      run: ({ clock }) => ({ at: clock.now() }),
    });
    const arrow = defineWorker({
      ...base,
      input: type({ n: 'number' }),
      output: z.null(),
      cost: ({ n }) => n * 2,
      run: () => null,
    });
    const list: AnyWorker[] = [greeting, arrow];
    expect(list.map((worker) => taskTypeOf(worker).cost)).toEqual(['medium', 'by_input']);
  });

  test('announces what bounds a worker, and only where it says so', () => {
    const bounded = defineWorker({
      ...base,
      input: z.null(),
      output: z.null(),
      cost: 30,
      slots: 60,
      requires: ['gpu'],
      limit: { per_s: 2.5, concurrent: 4 },
      isolation: 'thread',
      shadow: () => true,
      run: () => null,
    });
    const announced = taskTypeOf(bounded);
    expect(announced).toMatchObject({
      cost: 30,
      slots: 60,
      requires: ['gpu'],
      limit: { per_s: 2.5, concurrent: 4 },
      isolation: 'thread',
      shadow: true,
    });
    expect(taskTypeSchema.parse(announced)).toEqual(announced);
    const fields = ['slots', 'requires', 'limit', 'isolation', 'shadow'];
    for (const field of fields) expect(taskTypeOf(greeting)).not.toHaveProperty(field);
    expect(greeting.isolation).toBe('process');
  });

  test.each([
    [{ type: 'Not An Id' }, 'type has to match'],
    [{ version: '1' }, 'version has to be semantic'],
    [{ version: 'v1.0.0' }, 'version has to be semantic'],
    [{ cost: 'huge' as never }, 'cost has to be light, medium, heavy, 1 to 100, or a function'],
    [{ cost: 'by_input' as never }, 'cost has to be'],
    [{ cost: 0 }, 'cost has to be'],
    [{ cost: 101 }, 'cost has to be'],
    [{ cost: 2.5 }, 'cost has to be'],
    [{ slots: 0 }, 'slots has to be a whole number'],
    [{ slots: 99, cost: 'heavy' as const }, 'slots has to be at least the 100 that one attempt takes'],
    [{ requires: ['No Label'] }, 'requires has to list labels'],
    [{ requires: 'gpu' as never }, 'requires has to list labels'],
    [{ limit: { per_s: 0 } }, 'limit does not fit'],
    [{ limit: {} }, 'limit has to say per_s, concurrent or both'],
    [{ isolation: 'none' as never }, 'isolation has to be process or thread'],
    [{ shadow: true as never }, 'shadow has to be a function'],
    [{ errors: [Date] as never }, 'errors has to list classes that extend Error'],
    [{ run: null as never }, 'run has to be a function'],
    [{ timeout_ms: 0 }, 'timeout_ms'],
    [{ retry: { factor: 0 } }, 'retry'],
    [{ input: {} as never }, 'input is not a Standard Schema'],
    [{ progress: 3 as never }, 'progress is not a Standard Schema'],
  ])('refuses %j', (wrong, message) => {
    const define = () =>
      defineWorker({ ...base, input: z.null(), output: z.null(), run: () => null, ...wrong });
    expect(define).toThrow(TypeError);
    expect(define).toThrow(message);
  });

  test('knows its workers', () => {
    expect(isWorker(greeting)).toBe(true);
    expect([null, {}, { ...base, run() {} }].some(isWorker)).toBe(false);
  });
});

/** A Standard Schema by hand, as a library without JSON Schema has it. */
const plainSchema: StandardSchemaV1<unknown, number> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    async validate(value) {
      if (typeof value === 'number') return { value: value + 1 };
      return { issues: [{ message: 'not a number', path: ['a/b', { key: 0 }] }] };
    },
  },
};

describe('schemas of other libraries', () => {
  test('arktype', async () => {
    const worker = defineWorker({
      ...base,
      input: type({ n: 'number' }),
      output: type({ doubled: 'number' }),
      run: ({ input }) => ({ doubled: input.n * 2 }),
    });
    expect(await runWorker(worker, attempt({ n: 4 }))).toEqual({ kind: 'succeeded', output: { doubled: 8 } });
    expect(await runWorker(worker, attempt({ n: '4' }))).toMatchObject({
      error: { code: 'invalid_input', details: { errors: [{ pointer: '/n' }] } },
    });
    expect(taskTypeOf(worker).input_schema).toMatchObject({ required: ['n'] });
  });

  test('a pair of schema and JSON Schema; also one that validates asynchronously', async () => {
    const pair = { schema: plainSchema, jsonSchema: { type: 'number' } };
    const worker = defineWorker({ ...base, input: pair, output: pair, run: ({ input }) => input * 10 });
    expect(await runWorker(worker, attempt(1))).toEqual({ kind: 'succeeded', output: 21 });
    expect(await runWorker(worker, attempt('1'))).toMatchObject({
      error: { message: '/a~1b/0: not a number' },
    });
    expect(taskTypeOf(worker)).toMatchObject({ input_schema: { type: 'number' } });
  });
});

describe('runWorker', () => {
  const returning = (output: unknown) =>
    defineWorker({ ...base, input: z.unknown(), output: z.unknown(), run: () => output });

  test.each([
    [undefined, null],
    [{ at: new Date(0), gone: undefined }, { at: '1970-01-01T00:00:00.000Z' }],
    ['é'.repeat(131_000), 'é'.repeat(131_000)],
  ])('gives the output as it arrives (%#)', async (returned, output) => {
    expect(await runWorker(returning(returned), attempt(null))).toEqual({ kind: 'succeeded', output });
  });

  test('gives also an output that does not fit a message', async () => {
    const output = 'é'.repeat(200_000);
    expect(await runWorker(returning(output), attempt(null))).toEqual({ kind: 'succeeded', output });
  });

  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  test.each([
    [1n, 'invalid_output'],
    [cycle, 'invalid_output'],
    [() => {}, 'invalid_output'],
    ['é'.repeat(33_554_432), 'result_too_large'],
  ])('fails when the output is no JSON or too large (%#)', async (returned, code) => {
    const outcome = await runWorker(returning(returned), attempt(null));
    expect(outcome).toMatchObject({ kind: 'failed', error: { code, retryable: false } });
  });

  test('fails when the output does not match its schema', async () => {
    const lying = { ...greeting, run: () => ({ text: 3 }) as never };
    expect(await runWorker(lying, attempt({}))).toMatchObject({
      error: { code: 'invalid_output', details: { errors: [{ pointer: '/text' }] } },
    });
  });

  test('says of an input that does not fit that nothing has run', async () => {
    expect(await runWorker(greeting, attempt({ name: 3 }))).toMatchObject({ kind: 'failed', refused: true });
    expect(await runWorker(returning(1n), attempt(null))).not.toHaveProperty('refused');
  });

  test('refuses progress that cannot be reported, and ignores what comes after the end', async () => {
    let late: (() => void) | undefined;
    const worker = defineWorker({
      ...base,
      input: z.unknown(),
      output: z.null(),
      run({ input, progress }) {
        late = () => progress('late');
        progress(input as string);
        return null;
      },
    });
    const seen: unknown[] = [];
    const onProgress = (value: unknown) => seen.push(value);
    await runWorker(worker, { ...attempt('on time'), onProgress });
    late?.();
    expect(seen).toEqual(['on time']);
    const outcome = await runWorker(worker, { ...attempt('x'.repeat(20_000)), onProgress });
    expect(outcome).toMatchObject({ error: { code: 'invalid_progress', retryable: false } });
  });

  const throwing = (error: unknown) => ({
    ...greeting,
    run() {
      throw error;
    },
  });

  test('lets a WorkerError keep its code, and cuts details that are too large', async () => {
    const small = new WorkerError('no paper', { code: 'no_paper', details: { tray: 2 } });
    expect(await runWorker(throwing(small), attempt({}))).toEqual({
      kind: 'failed',
      error: {
        code: 'no_paper',
        message: 'no paper',
        retryable: false,
        name: 'WorkerError',
        details: { tray: 2 },
      },
    });
    const large = new WorkerError('no paper', { details: 'x'.repeat(20_000) });
    const outcome = await runWorker(throwing(large), attempt({}));
    expect(JSON.stringify(outcome).length).toBeLessThan(1_000);
  });

  class OutOfPaper extends WorkerError {}
  class OutOfA4 extends OutOfPaper {}
  class Jam extends Error {
    override readonly name = 'paper jam';
  }
  test.each([
    ['a class that is declared', new OutOfPaper('x'), 'OutOfPaper'],
    ['one that extends it', new OutOfA4('x'), 'OutOfPaper'],
    ['a class that calls itself otherwise', new Jam('x'), 'Jam'],
    ['any other', new RangeError('x'), 'RangeError'],
  ])('names %s so that a caller finds it', async (_, thrown, name) => {
    const worker = { ...throwing(thrown), errors: [OutOfPaper, Jam] };
    expect(await runWorker(worker, attempt({}))).toMatchObject({ error: { name } });
    expect(await runWorker({ ...worker, errors: [WorkerError, Error] }, attempt({}))).toMatchObject({
      error: { name: thrown instanceof WorkerError ? 'WorkerError' : 'Error' },
    });
  });

  test('names a WorkerError after its class also where none is declared', async () => {
    expect(await runWorker(throwing(new OutOfA4('x')), attempt({}))).toMatchObject({
      error: { name: 'OutOfA4', code: 'worker_error' },
    });
  });

  /** What a worker in plain JavaScript makes of an error. */
  const made = (error: Error, fields: object) => Object.assign(error, fields);
  const unreadable = Object.defineProperty(new Error('x'), 'message', {
    get() {
      throw new Error('no');
    },
  });
  test.each([
    ['a code that is a number', made(new WorkerError('x'), { code: 404 }), { code: '404' }],
    ['a code that is none', made(new WorkerError('x'), { code: { a: 1 } }), { code: 'worker_error' }],
    ['an empty code', new WorkerError('x', { code: '' }), { code: 'worker_error' }],
    ['a retryable that is text', made(new WorkerError('x'), { retryable: 'no' }), { retryable: false }],
    [
      'a message that is an object',
      made(new WorkerError('x'), { message: { a: 1 } }),
      { message: '{"a":1}' },
    ],
    ['a name that is a number', made(new WorkerError('x'), { name: 5 }), { name: '5' }],
    ['an endless name', made(new Error('x'), { name: 'x'.repeat(100_000) }), { code: 'worker_error' }],
    [
      'fields of a plain error',
      made(new Error('x'), { name: null, message: 7, stack: [] }),
      { message: '7' },
    ],
    ['details that are no JSON', made(new WorkerError('x'), { details: () => 1 }), { code: 'worker_error' }],
    ['details with a BigInt', made(new WorkerError('x'), { details: { n: 1n } }), { code: 'worker_error' }],
    ['what is no error', Object.assign(Object.create(null) as object, { cycle }), { name: 'object' }],
    ['fields that throw', unreadable, { code: 'worker_error' }],
  ])('reports %s as the wire has it', async (_, thrown, expected) => {
    const outcome = await runWorker(throwing(thrown), attempt({}));
    if (outcome.kind !== 'failed') throw new Error('the attempt has to fail');
    expect(taskErrorSchema.parse(outcome.error)).toEqual(outcome.error);
    const text = JSON.stringify(outcome.error);
    expect(JSON.parse(text)).toEqual(outcome.error);
    expect(text.length).toBeLessThan(32_000);
    expect(outcome.error).toMatchObject(expected);
  });

  test('reports whatever is thrown after an abort as the abort', async () => {
    const controller = new AbortController();
    const worker = {
      ...greeting,
      run() {
        controller.abort(new AttemptAborted('timeout'));
        throw new Error('socket closed');
      },
    };
    expect(await runWorker(worker, attempt({}, controller.signal))).toMatchObject({
      error: {
        code: 'attempt_timeout',
        retryable: true,
        message: expect.stringContaining('socket closed') as unknown,
      },
    });
  });
});
