import type { DocumentCache } from './documents/document-cache.ts';
import { describe, expect, it } from 'vitest';
import { openRegistry, type Registry } from './http/fixtures/registry.ts';
import { isKnownRegion } from './geo/known-regions.ts';
import { createIntake } from './intake.ts';
import { createLedger } from './ledger.ts';

const caller = { principal: 'anonymous', traceparent: null, checkSizes: false };

/** The intake over the store of a registry; what it accepts is sent nowhere. */
function intakeOf({ store, verbs }: Registry, documents: DocumentCache) {
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
    newId: () => '01990b4c-6f2a-7cc3-9d5e-0f6d2f1a7b10',
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

  it('is not judged by regions that have not been read yet', async () => {
    await using registry = await openRegistry();
    const unread = { ...registry.documents, loaded: false, get: () => undefined };
    const [answer] = await intakeOf(registry, unread).submit([submission('atlantis')], caller);
    expect(answer).toHaveProperty('control');
  });
});
