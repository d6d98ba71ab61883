import { emptyFleet, withPresence } from '@tenma/fleet';
import type { DocumentCache } from './documents/document-cache.ts';
import { describe, expect, it } from 'vitest';
import { openRegistry, type Registry } from './http/fixtures/registry.ts';
import { isKnownRegion } from './geo/known-regions.ts';
import { createIntake } from './intake.ts';
import { createLedger } from './ledger.ts';
import { updateRelease } from './releases/by-hand.ts';
import { weeWith } from './releases/fixture.ts';

const caller = { principal: 'anonymous', traceparent: null, checkSizes: false };

/** The intake over the store of a registry; what it accepts is sent nowhere. */
function intakeOf(
  { store, verbs }: Registry,
  documents: DocumentCache,
  newId = '01990b4c-6f2a-7cc3-9d5e-0f6d2f1a7b10',
) {
  const { types, clock, fleet } = verbs;
  const components = {
    store,
    ledger: createLedger(store),
    dispatcher: {
      admit: ({ life }: { life: unknown }) => life,
      withdraw: () => {},
      sendAdmitted: () => {},
    },
    types,
    documents,
    knowsRegion: (region: string) => isKnownRegion({ documents, fleet }, region),
    outbox: { full: false, added: () => {} },
    metrics: { submitted: () => {} },
    clock,
    newId: () => newId,
  };
  return createIntake(components as unknown as Parameters<typeof createIntake>[0]);
}

const submission = (region?: string) => ({ type: 'echo', input: { text: 'a' }, ...(region && { region }) });

describe('a submission', () => {
  it.each([
    ['to no region in particular', undefined],
    ['to the active region', 'active'],
    ['to any region', 'any'],
    ['to a registered region', 'eu-west-1'],
    ['to the region of a WEE that nobody has registered', 'workshop'],
  ])('%s is accepted', async (_, region) => {
    await using registry = await openRegistry();
    const [answer] = await intakeOf(registry, registry.documents).submit([submission(region)], caller);
    expect(answer).toMatchObject({ replayed: false, control: { spec: { region: region ?? 'active' } } });
  });

  it('to an unknown region is refused, with the regions there are', async () => {
    await using registry = await openRegistry();
    const [answer] = await intakeOf(registry, registry.documents).submit([submission('atlantis')], caller);
    expect(answer).toMatchObject({
      problem: { status: 404, code: 'unknown_region', detail: 'there is no region atlantis' },
    });
    expect(answer).toHaveProperty('problem.hint', expect.stringContaining('ap-northeast-1, us-east-1'));
    expect(await registry.store.countUnfinished(10)).toBe(0);
  });

  it('near an unknown region is refused, and says which field', async () => {
    await using registry = await openRegistry();
    const near = { ...submission('any'), near: 'atlantis' };
    const [answer] = await intakeOf(registry, registry.documents).submit([near], caller);
    expect(answer).toMatchObject({
      problem: {
        code: 'unknown_region',
        errors: [{ pointer: '#/near', detail: 'there is no region atlantis' }],
      },
    });
  });

  it('is not judged by regions that have not been read yet', async () => {
    await using registry = await openRegistry();
    const unread = { ...registry.documents, loaded: false, get: () => undefined };
    const [answer] = await intakeOf(registry, unread).submit([submission('atlantis')], caller);
    expect(answer).toHaveProperty('control');
  });

  it('of a type with two majors is written down with those that accept it', async () => {
    await using registry = await openRegistry();
    const intake = intakeOf(registry, registry.documents);
    const submit = async () => (await intake.submit([submission()], caller))[0];
    const [echo] = registry.types.all();
    if (echo?.type !== 'echo') throw new Error('echo is announced');
    expect(await submit()).not.toHaveProperty('control.spec.majors');
    registry.types.announced([weeWith('wee-1', [], { types: [echo, { ...echo, version: '2.0.0' }] })]);
    const newId = '01990b4c-6f2a-7cc3-9d5e-0f6d2f1a7b11';
    const [later] = await intakeOf(registry, registry.documents, newId).submit([submission()], caller);
    expect(later).toHaveProperty('control.spec.majors', [2, 1]);
  });

  it.each([
    ['says which major its first attempt is to try', 2, { trialMajor: 1 }],
    ['with a single attempt is not tried on another major', 1, {}],
  ])('%s', async (_, max_attempts, trial) => {
    await using registry = await openRegistry();
    const echo = registry.types.get('echo');
    if (!echo) throw new Error('echo is announced');
    const wee = weeWith('wee-1', [], { types: [echo, { ...echo, version: '2.0.0' }] });
    registry.types.announced([wee]);
    Object.assign(registry.verbs.fleet, { view: withPresence(emptyFleet, wee, 0) });
    await updateRelease(registry.verbs, 'echo', { version: '1.0.0', share: 1 });
    const asked = { ...submission(), retry: { max_attempts } };
    const [answer] = await intakeOf(registry, registry.documents).submit([asked], caller);
    if (!answer || !('control' in answer)) throw new Error('it is accepted');
    const stored = await registry.store.get(answer.control.spec.id);
    const { majors, trialMajor } = stored?.spec ?? {};
    expect({ majors, ...(trialMajor !== undefined && { trialMajor }) }).toEqual({ majors: [2, 1], ...trial });
  });
});
