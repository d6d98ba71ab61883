import { slotsOfProcess, type Task } from '@tenma/protocol';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import {
  createClient,
  RemoteWorkerError,
  TaskCancelledError,
  TaskExpiredError,
  TaskFailedError,
} from './index.ts';
import { type FakeLe, type RecordedRequest, sendJson, startFakeLe } from './testing/index.ts';

class QuotaExceeded extends Error {
  override readonly name = 'QuotaExceeded';
  declare readonly details: { left: number };

  constructor(_customer: string) {
    super();
    throw new Error('this needs what only the worker has');
  }
}

const sum = {
  type: 'sum',
  input: z.object({ terms: z.array(z.number()), weight: z.number().default(2) }),
  output: z.object({ total: z.number() }),
  cost: ({ weight }: { weight: number }) => weight * 1.5,
  errors: [QuotaExceeded],
};
const total = (task: Task) => {
  const { terms } = task.input as { terms: number[] };
  return { state: 'succeeded', output: { total: terms.reduce((all, one) => all + one, 0) } } as const;
};
const failing = (error: NonNullable<Task['error']>) => ({ run: () => ({ state: 'failed', error }) as const });

const isCancel = ({ path }: RecordedRequest) => path.endsWith('/cancel');

async function thrownBy(le: FakeLe): Promise<Error> {
  await using client = createClient({ url: le.url });
  const thrown: unknown = await client.execute(sum, { terms: [] }).catch((caught: unknown) => caught);
  if (thrown instanceof Error) return thrown;
  throw new TypeError('it was to fail');
}

describe('execute', () => {
  it('gives the output as if the worker had run here, with its types', async () => {
    await using le = await startFakeLe({ run: total });
    await using client = createClient({ url: le.url });
    const output = await client.execute(sum, { terms: [1, 2, 3] }, { region: 'tokyo' });
    expectTypeOf(output).toEqualTypeOf<{ total: number }>();
    expect(output).toEqual({ total: 6 });
  });

  it('lets a task with a key of the caller go on: it may be that of somebody else', async () => {
    await using le = await startFakeLe();
    const client = createClient({ url: le.url });
    const controller = new AbortController();
    const options = { signal: controller.signal, idempotency_key: 'ours' };
    await client.submit(sum, { terms: [] }, { idempotency_key: 'ours' });
    const asked = le.next(({ path }) => path.includes('wait='));
    const call = client.execute(sum, { terms: [] }, options);
    await asked;
    controller.abort(new Error('enough'));
    await expect(call).rejects.toThrow('enough');
    await client[Symbol.asyncDispose]();
    expect([...le.tasks.values()]).toMatchObject([{ state: 'accepted' }]);
  });

  it.each([
    ['cancels a task whose submission was on the way at the abort', undefined, 'cancelled'],
    ['leaves it alone if it has a key of the caller', 'ours', 'accepted'],
  ])('%s', async (_, key, state) => {
    await using le = await startFakeLe();
    const client = createClient({ url: le.url });
    const controller = new AbortController();
    const options = { signal: controller.signal, ...(key !== undefined && { idempotency_key: key }) };
    let answer = () => {};
    const stop = le.play((request, response) => {
      const { tasks } = request.body as { tasks: [{ type: string }] };
      answer = () => void sendJson(response, 202, { tasks: [le.add(tasks[0])] });
      return true;
    });
    const arrived = le.next(() => true);
    const call = client.execute(sum, { terms: [] }, options);
    await arrived;
    stop();
    controller.abort(new Error('too late'));
    await expect(call).rejects.toThrow('too late');
    answer();
    await client[Symbol.asyncDispose]();
    expect([...le.tasks.values()]).toMatchObject([{ state }]);
  });

  it('cancels the task when the signal aborts, and throws its reason', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url });
    const controller = new AbortController();
    const asked = le.next(({ path }) => path.includes('wait='));
    const told = le.next(isCancel);
    const call = client.execute(sum, { terms: [] }, { signal: controller.signal });
    await asked;
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(call).rejects.toBe(reason);
    await told;
    expect([...le.tasks.values()]).toMatchObject([{ state: 'cancelled' }]);
  });

  it('has told LE of the cancellation by the time the client is closed', async () => {
    await using le = await startFakeLe();
    const client = createClient({ url: le.url });
    const controller = new AbortController();
    const asked = le.next(({ path }) => path.includes('wait='));
    const call = client.execute(sum, { terms: [] }, { signal: controller.signal });
    const ended = expect(call).rejects.toMatchObject({ name: 'AbortError' });
    await asked;
    controller.abort();
    await client[Symbol.asyncDispose]();
    await ended;
    expect([...le.tasks.values()]).toMatchObject([{ state: 'cancelled' }]);
  });

  it('sends nothing when the signal has aborted before', async () => {
    await using le = await startFakeLe();
    await using client = createClient({ url: le.url });
    const signal = AbortSignal.abort(new Error('never'));
    await expect(client.execute(sum, { terms: [] }, { signal })).rejects.toThrow('never');
    await client.submit('echo', 1);
    expect([...le.tasks.values()]).toMatchObject([{ type: 'echo' }]);
  });

  it.each([
    ['cancelled', TaskCancelledError],
    ['expired', TaskExpiredError],
  ] as const)('throws what tells of a task that was %s', async (state, type) => {
    await using le = await startFakeLe({ run: () => ({ state }) });
    expect(await thrownBy(le)).toBeInstanceOf(type);
  });
});

describe('an error of a worker', () => {
  const fault = { code: 'worker_error', message: 'x is not a function', retryable: true };

  it.each([TypeError, RangeError, SyntaxError, Error])(
    'arrives as the built-in class it was thrown as, with the remote stack: %o',
    async (type) => {
      const stack = `${type.name}: x is not a function\n    at remote.ts:7:1`;
      await using le = await startFakeLe(failing({ ...fault, name: type.name, details: { stack } }));
      const thrown = await thrownBy(le);
      expect(Object.getPrototypeOf(thrown)).toBe(type.prototype);
      expect(thrown).toMatchObject({ name: type.name, message: fault.message, stack });
      expect(thrown.cause).toBeInstanceOf(TaskFailedError);
      expect(Error.prototype.toString.call(thrown)).toBe(`${type.name}: x is not a function`);
    },
  );

  it('arrives as a class that the definition names, whose constructor has not run', async () => {
    const details = { left: 0, stack: 'QuotaExceeded: empty\n    at remote.ts:1:1' };
    const error = { code: 'quota', message: 'empty', retryable: false, name: 'QuotaExceeded', details };
    await using le = await startFakeLe(failing(error));
    const thrown = await thrownBy(le);
    expect(thrown).toBeInstanceOf(QuotaExceeded);
    expect(thrown).toMatchObject({
      name: 'QuotaExceeded',
      message: 'empty',
      code: 'quota',
      retryable: false,
      details: { left: 0 },
      stack: details.stack,
    });
    expect(thrown.cause).toMatchObject({ code: 'quota', remoteName: 'QuotaExceeded' });
  });

  it('of a class that extends WorkerError is one for @tenma/worker, too', async () => {
    class WorkerError extends Error {}
    class PaperOut extends WorkerError {}
    const error = { code: 'no_paper', message: 'no paper', retryable: false, name: 'PaperOut' };
    await using le = await startFakeLe(failing(error));
    await using client = createClient({ url: le.url });
    const definition = { type: 'print', errors: [QuotaExceeded, PaperOut] };
    const thrown: unknown = await client.execute(definition, {}).catch((caught: unknown) => caught);
    expect(thrown).toBeInstanceOf(PaperOut);
    expect(thrown).toMatchObject(error);
    expect(Symbol.for('tenma.worker-error') in (thrown as object)).toBe(true);
  });

  it('that was foreseen arrives with its code, and @tenma/worker takes it for its own', async () => {
    const details = { tray: 2 };
    const error = { code: 'no_paper', message: 'no paper', retryable: false, name: 'WorkerError', details };
    await using le = await startFakeLe(failing(error));
    const thrown = await thrownBy(le);
    expect(thrown).toBeInstanceOf(RemoteWorkerError);
    expect(thrown).toMatchObject(error);
    expect(Symbol.for('tenma.worker-error') in thrown).toBe(true);
  });

  it.each([
    ['of a class that is not known here', { ...fault, name: 'DiskFull' }],
    ['that came of being stopped', { ...fault, code: 'attempt_timeout', name: 'TypeError' }],
    ['with the name of something else', { ...fault, name: 'toString' }],
    ['that no worker threw', { code: 'worker_lost', message: 'silent', retryable: true }],
  ])('%s stays a TaskFailedError that names the remote class', async (_, error) => {
    await using le = await startFakeLe(failing(error));
    const thrown = await thrownBy(le);
    expect(thrown).toBeInstanceOf(TaskFailedError);
    expect(thrown).toMatchObject({ code: error.code, remoteName: 'name' in error ? error.name : undefined });
  });
});

describe('a worker at a distance', () => {
  it('has the methods of a definition, with options that they share', async () => {
    await using le = await startFakeLe({ run: total });
    await using client = createClient({ url: le.url });
    const limit = { key: 'acme', concurrent: 2 };
    const adder = client.worker(sum, { region: 'any', near: 'tokyo', limit, requires: { version: '^1.2' } });
    expect(await adder.execute({ terms: [1] }, { priority: 9 })).toEqual({ total: 1 });
    expect(await (await adder.submit({ terms: [2] }, { region: 'osaka' })).result()).toEqual({ total: 2 });
    const shared = { type: 'sum', near: 'tokyo', limit, requires: { version: '^1.2' } };
    expect([...le.tasks.values()]).toMatchObject([
      { ...shared, region: 'any', priority: 9 },
      { ...shared, region: 'osaka', priority: 5 },
    ]);
    // @ts-expect-error -- the input has to fit its schema
    const wrong = () => adder.execute({ terms: 'many' });
    expectTypeOf(wrong).returns.resolves.toEqualTypeOf<{ total: number }>();
  });

  it('fans an array out, with errors as they were thrown in their places', async () => {
    const error = { code: 'worker_error', message: 'too many', retryable: true, name: 'RangeError' };
    const run = (task: Task) =>
      (task.input as { terms: number[] }).terms.length > 1
        ? ({ state: 'failed', error } as const)
        : total(task);
    await using le = await startFakeLe({ run });
    await using client = createClient({ url: le.url });
    const results = await client.worker(sum).map([{ terms: [1] }, { terms: [1, 2] }]);
    expect(results).toMatchObject([{ ok: true, output: { total: 1 } }, { ok: false }]);
    const [, second] = results;
    expect(second?.ok === false && second.error).toBeInstanceOf(RangeError);
  });

  it('cancels all that it fanned out when the signal aborts', async () => {
    await using le = await startFakeLe();
    const client = createClient({ url: le.url });
    const controller = new AbortController();
    const asked = le.next(({ path }) => path.includes('wait='));
    const inputs = [1, 2, 3].map((term) => ({ terms: [term] }));
    const call = client.worker(sum).map(inputs, { signal: controller.signal });
    await asked;
    controller.abort(new Error('enough'));
    await expect(call).rejects.toThrow('enough');
    await client[Symbol.asyncDispose]();
    const cancelled = { state: 'cancelled' };
    expect([...le.tasks.values()]).toMatchObject([cancelled, cancelled, cancelled]);
  });

  it('cancels all that it fanned out when one of the inputs cannot be sent', async () => {
    const run = ({ input }: Task) => (input === 1 ? ({ state: 'succeeded' } as const) : undefined);
    await using le = await startFakeLe({ run });
    const client = createClient({ url: le.url });
    const call = client.worker({ type: 'echo' }).map([1, 2, 3n, 4], { concurrency: 2 });
    await expect(call).rejects.toThrow(TypeError);
    await client[Symbol.asyncDispose]();
    expect([...le.tasks.values()]).toMatchObject([
      { input: 1, state: 'succeeded' },
      { input: 2, state: 'cancelled' },
    ]);
  });

  it('can be one function of a group', async () => {
    await using le = await startFakeLe({ run: total });
    await using client = createClient({ url: le.url });
    const { add, echo } = client.worker({ add: sum, echo: { type: 'echo' } }, { priority: 7 });
    expectTypeOf(add).returns.resolves.toEqualTypeOf<{ total: number }>();
    expectTypeOf(echo).returns.resolves.toEqualTypeOf<unknown>();
    expect(await add({ terms: [4] })).toEqual({ total: 4 });
    expect([...le.tasks.values()]).toMatchObject([{ type: 'sum', priority: 7 }]);
  });
});

describe('the cost of an input', () => {
  const client = createClient();

  it.each([
    [sum, 3],
    [{ ...sum, cost: () => 1_000 }, slotsOfProcess],
    [{ ...sum, cost: 'medium' }, 10],
    [{ ...sum, cost: 7 }, 7],
    [{ type: 'echo' }, 1],
  ])('is told here in slots, from the definition (%#)', async (definition, slots) => {
    expect(await client.worker(definition).estimateCost({ terms: [] })).toBe(slots);
  });

  it('cannot be told of an input that does not fit', async () => {
    const wrong = { terms: 'many' } as unknown as { terms: number[] };
    await expect(client.worker(sum).estimateCost(wrong)).rejects.toThrow('does not fit the schema of sum');
  });

  it('is sent where it depends on the input, unless the caller says it', async () => {
    await using le = await startFakeLe();
    await using sender = createClient({ url: le.url });
    await sender.submit(sum, { terms: [] });
    await sender.submit(sum, { terms: [], weight: 20 });
    await sender.submit(sum, { terms: [] }, { cost: 50 });
    await sender.submit({ ...sum, cost: 'heavy' }, { terms: [] });
    await sender.submit(sum, { terms: 'many' } as never);
    const sent = le.requests.flatMap(({ body }) => (body as { tasks: { cost?: number }[] }).tasks);
    expect(sent.map(({ cost }) => cost)).toEqual([3, 30, 50, undefined, undefined]);
  });
});
