import { emptyFleet } from '@tenma/fleet';
import type { Problem } from '@tenma/protocol';
import { describe, expect, it, vi } from 'vitest';
import { createLedger } from '../../ledger.ts';
import { after, specForTest } from '../../lifecycle/fixture.ts';
import { releaseRecord } from '../../releases/fixture.ts';
import { unknownType } from '../../unknown-type.ts';
import { buildApp } from '../app.ts';
import type { HttpComponents } from '../components.ts';
import { openRegistry } from '../fixtures/registry.ts';

/** A cancelled task of `echo`, which is known and which no WEE has; tasks are sent to nobody. */
async function open() {
  await using parts = new AsyncDisposableStack();
  const registry = parts.use(await openRegistry());
  const { documents, store, types, verbs } = registry;
  await documents.write(
    ['echo', 'probe-http'].map((id) => ({
      kind: 'release',
      id,
      expected: 0,
      value: releaseRecord({ type: id }),
    })),
  );
  types.announced([]);
  Object.assign(verbs.fleet, { view: emptyFleet });
  const due = vi.fn();
  const sent = { ledger: createLedger(store), outbox: { added: () => {} }, dispatcher: { due } };
  const app = parts.use(await buildApp({ ...registry.components, ...sent } as unknown as HttpComponents));
  const { spec, life } = after([], specForTest({}));
  await store.insert([{ spec, life, input: null, output: null }]);
  const ask = async (verb: string) => {
    const answer = await app.inject({ method: 'POST', url: `/api/v1/tasks/${spec.id}/${verb}` });
    return { status: answer.statusCode, body: answer.json<Problem & { state: string }>() };
  };
  expect(await ask('cancel')).toMatchObject({ status: 200, body: { state: 'cancelled' } });
  const opened = parts.move();
  return { ...registry, due, ask, id: spec.id, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

describe('a retry by hand', () => {
  it('is taken of a type that is known, also where no WEE runs it; only of an end', async () => {
    await using at = await open();
    expect(await at.ask('retry')).toMatchObject({ status: 200, body: { state: 'accepted' } });
    expect(at.due).toHaveBeenCalledOnce();
    expect(await at.ask('retry')).toMatchObject({ status: 409, body: { code: 'invalid_state' } });
  });

  it('of a type that has been retired is refused as a submission of it is, and changes nothing', async () => {
    await using at = await open();
    const expected = at.documents.get('release', 'echo')?.version ?? 0;
    await at.documents.write([{ kind: 'release', id: 'echo', expected, value: null }]);
    await at.types.forget('echo');
    const { status, body } = await at.ask('retry');
    const { code, detail, hint } = unknownType(at.types, 'echo');
    expect({ status, body }).toMatchObject({ status: 404, body: { code, detail, hint } });
    expect(hint).toBe('Known types: probe-http.');
    expect((await at.store.get(at.id))?.life.state).toBe('cancelled');
    expect(at.due).not.toHaveBeenCalled();
  });
});
