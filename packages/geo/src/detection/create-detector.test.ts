import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDetector } from './create-detector.ts';
import type { Detector, Effect, NodeVerdict, Sighting } from './detector.ts';
import { freshForMs, paces } from './pace.ts';

const pace = paces.default;
const intervalMs = pace.activeIntervalMs;
const freshMs = freshForMs(pace, intervalMs);
const observers = ['a', 'b', 'c'];

/** Regions a and b with two nodes each, a1 to b2; every region observes every node. */
function watching(nodes: readonly string[] = ['a1', 'a2', 'b1', 'b2']): Detector {
  const detector = createDetector(pace);
  for (const regionId of ['a', 'b']) detector.setRegion({ regionId, maintenance: false }, 0);
  for (const nodeId of nodes)
    detector.setNode({ nodeId, regionId: nodeId.slice(0, 1), observers, intervalMs }, 0);
  return detector;
}

function see(detector: Detector, outcome: Sighting['outcome'], at: number, nodes: string[], by = observers) {
  return nodes.flatMap((nodeId) =>
    by.flatMap((observer) => detector.sighted({ nodeId, observer, outcome, at, reason: outcome }, at)),
  );
}

/** Three failures a second apart, seen by those who see something else up in between. The last is at `at`. */
function lose(detector: Detector, at: number, nodes: string[], by = observers) {
  const others = ['a1', 'a2', 'b1', 'b2'].filter((nodeId) => !nodes.includes(nodeId));
  return [at - 2_000, at - 1_000, at].flatMap((moment) => [
    ...see(detector, 'down', moment, nodes, by),
    ...see(detector, 'up', moment, others, by),
  ]);
}

const regions = (effects: Effect[]) =>
  effects.flatMap((one) => (one.kind === 'region' ? [`${one.regionId}: ${one.verdict.status}`] : []));
const nodes = (effects: Effect[]) =>
  effects.flatMap((one) => (one.kind === 'node' ? [`${one.nodeId}: ${one.verdict.status}`] : []));
const looks = (effects: Effect[]) =>
  effects.flatMap((one) =>
    one.kind === 'look_again' ? [`${one.nodeId} from ${one.observer} at ${one.at}`] : [],
  );
const status = (detector: Detector, nodeId: string, now = 0) => detector.node(nodeId, now)?.status;

/** Ticks four times a second, as LE does. */
function pass(detector: Detector, from: number, to: number): Effect[] {
  const effects: Effect[] = [];
  for (let now = from; now <= to; now += 250) effects.push(...detector.tick(now));
  return effects;
}

describe('a node', () => {
  it('is online at the first success of a majority, and its region with it', () => {
    const detector = watching(['a1']);
    expect(see(detector, 'up', 10, ['a1'], ['a'])).toEqual([]);
    const effects = see(detector, 'up', 20, ['a1'], ['b']);
    expect(nodes(effects)).toEqual(['a1: online']);
    expect(regions(effects)).toEqual(['a: online']);
    expect(see(detector, 'up', 30, ['a1'], ['c'])).toEqual([]);
  });

  it('is online by the word of one observer when the others have had their time', () => {
    const detector = watching(['a1']);
    see(detector, 'up', 5_000, ['a1'], ['b']);
    expect(nodes(pass(detector, 5_000, freshMs - 250))).toEqual([]);
    expect(nodes(detector.tick(freshMs))).toEqual(['a1: online']);
  });

  it('is offline at the third failure of a majority, with the reason, and says so once', () => {
    const detector = watching();
    see(detector, 'up', 1_000, ['a1', 'a2', 'b1', 'b2']);
    const effects = lose(detector, 10_000, ['a1'], ['b', 'c']);
    expect(effects.filter(({ kind }) => kind !== 'look_again')).toMatchObject([
      {
        kind: 'node',
        nodeId: 'a1',
        previous: 'online',
        verdict: { status: 'offline', reason: 'down', since: 10_000 },
      },
      { kind: 'region', regionId: 'a', previous: 'online', verdict: { status: 'degraded' } },
    ]);
    expect(detector.node('a1', 10_000)?.observers).toMatchObject([
      { observer: 'a', sees: 'up', failures: 0, at: '1970-01-01T00:00:01.000Z' },
      { observer: 'b', sees: 'down', failures: 3, at: '1970-01-01T00:00:10.000Z', reason: 'down' },
      { observer: 'c', sees: 'down', failures: 3 },
    ]);
    expect(nodes(lose(detector, 20_000, ['a1'], ['b', 'c']))).toEqual([]);
  });

  it('is looked at again until it is decided, and in one chain', () => {
    const detector = watching();
    see(detector, 'up', 1_000, ['a1', 'b1']);
    expect(looks(see(detector, 'down', 5_000, ['a1'], ['b']))).toContain('a1 from b at 6000');
    // A slot in between starts no chain of its own.
    expect(looks(see(detector, 'down', 5_400, ['a1'], ['b']))).not.toContain('a1 from b at 6400');
    see(detector, 'up', 5_500, ['b1'], ['b']);
    expect(looks(see(detector, 'down', 6_000, ['a1'], ['b']))).toEqual([]);
    // On the way back, too.
    expect(looks(see(detector, 'up', 15_000, ['a1'], ['b']))).toEqual(['a1 from b at 16000']);
    expect(looks(see(detector, 'up', 16_000, ['a1'], ['b']))).toEqual([]);
  });

  it('is looked at again when the look itself came to nothing, which counts for nothing else', () => {
    const detector = watching();
    see(detector, 'up', 1_000, ['a1', 'b1']);
    see(detector, 'down', 5_000, ['a1'], ['b']);
    expect(looks(see(detector, 'lost', 7_000, ['a1'], ['b']))).toEqual(['a1 from b at 8000']);
    expect(detector.node('a1', 7_000)?.observers[1]).toMatchObject({
      failures: 1,
      at: '1970-01-01T00:00:05.000Z',
    });
    expect(see(detector, 'lost', 7_500, ['a1'], ['a'])).toEqual([]);
  });

  it('of which nothing is heard is unknown, never up', () => {
    const detector = watching(['a1']);
    see(detector, 'up', 1_000, ['a1']);
    see(detector, 'lost', 12_000, ['a1']);
    expect(nodes(pass(detector, 1_000, 1_000 + freshMs - 1))).toEqual([]);
    const effects = detector.tick(1_000 + freshMs);
    expect(nodes(effects)).toEqual(['a1: unknown']);
    expect(regions(effects)).toEqual(['a: unknown']);
    expect(detector.node('a1', 1_000 + freshMs)?.observers.map(({ sees }) => sees)).toEqual(
      Array(3).fill('nothing'),
    );
  });

  it('takes the word of those who are left when observers fall silent', () => {
    const detector = watching();
    see(detector, 'up', 1_000, ['a1', 'a2', 'b1', 'b2']);
    lose(detector, 10_000, ['a1'], ['c']);
    expect(status(detector, 'a1')).toBe('online');
    expect(nodes(pass(detector, 10_000, 16_000))).toContain('a1: offline');
  });

  it('ignores an answer that comes twice, strangers, and clocks that are ahead', () => {
    const detector = watching();
    see(detector, 'up', 1_000, ['a1', 'b1']);
    for (let times = 0; times < 5; times += 1) see(detector, 'down', 2_000, ['a1']);
    expect(detector.node('a1', 2_000)?.observers[0]?.failures).toBe(1);
    expect(see(detector, 'down', 3_000, ['x1'])).toEqual([]);
    expect(see(detector, 'down', 3_000, ['a1'], ['z'])).toEqual([]);
    detector.sighted({ nodeId: 'a1', observer: 'a', outcome: 'up', at: 9e9, reason: null }, 3_000);
    expect(detector.node('a1', 3_000)?.observers[0]?.at).toBe('1970-01-01T00:00:03.000Z');
  });

  it('keeps what observers that stay have seen when it is changed', () => {
    const detector = watching();
    see(detector, 'up', 1_000, ['a1', 'a2', 'b1', 'b2']);
    detector.setNode({ nodeId: 'a1', regionId: 'a', observers: ['b', 'd'], intervalMs: 30_000 }, 2_000);
    expect(detector.node('a1', 2_000)?.observers.map(({ observer, sees }) => `${observer} ${sees}`)).toEqual([
      'b up',
      'd nothing',
    ]);
    // The longer interval gives it more time at once.
    expect(nodes(pass(detector, 2_000, 30_000))).not.toContain('a1: unknown');
    const effects = detector.setNode({ nodeId: 'a1', regionId: 'b', observers, intervalMs }, 30_000);
    // Both regions are judged anew: of what is left in a nothing is known.
    expect(regions(effects)).toEqual(['a: unknown', 'b: online']);
    expect(regions(detector.removeNode('b2', 31_000))).toEqual([]);
    detector.removeRegion('b');
    expect(detector.node('a1', 32_000)).toBeUndefined();
  });
});

describe('a region', () => {
  it('is online without nodes, in maintenance when set so, and its nodes are too', () => {
    const detector = createDetector(pace);
    expect(regions(detector.setRegion({ regionId: 'a', maintenance: false }, 0))).toEqual(['a: online']);
    detector.setNode({ nodeId: 'a1', regionId: 'a', observers, intervalMs }, 0);
    expect(detector.region('a')?.status).toBe('unknown');
    const effects = detector.setRegion({ regionId: 'a', maintenance: true }, 5);
    expect([...nodes(effects), ...regions(effects)]).toEqual(['a1: maintenance', 'a: maintenance']);
    lose(detector, 10_000, ['a1']);
    expect(pass(detector, 10_000, 14_000)).toEqual([]);
    expect(detector.setRegion({ regionId: 'a', maintenance: true }, 14_000)).toEqual([]);
    expect(nodes(detector.setRegion({ regionId: 'a', maintenance: false }, 14_000))).toEqual(['a1: offline']);
  });

  it('is offline when a majority of its nodes has been for the hold', () => {
    const detector = watching();
    see(detector, 'up', 1_000, ['a1', 'a2', 'b1', 'b2']);
    expect(regions(lose(detector, 10_000, ['a1', 'a2']))).toEqual(['a: degraded']);
    expect(regions(pass(detector, 10_000, 10_750))).toEqual([]);
    expect(detector.tick(11_000)).toMatchObject([
      { kind: 'region', regionId: 'a', previous: 'degraded', verdict: { status: 'offline', since: 11_000 } },
    ]);
  });

  it('is not offline when it comes back within the hold', () => {
    const detector = watching();
    see(detector, 'up', 1_000, ['a1', 'a2', 'b1', 'b2']);
    lose(detector, 10_000, ['a1', 'a2']);
    see(detector, 'up', 10_100, ['a1', 'a2', 'b1', 'b2']);
    expect(regions(see(detector, 'up', 10_200, ['a1', 'a2']))).toEqual(['a: online']);
    expect(regions(pass(detector, 10_200, 14_000))).toEqual([]);
  });
});

describe('an observer that is cut off', () => {
  it('abstains from the first verdict on, whatever it happens to probe first', () => {
    const detector = watching();
    see(detector, 'up', 1_000, ['a1', 'a2', 'b1', 'b2']);
    // Only c answers any more, and sees nothing.
    const effects = [5_000, 6_000, 7_000].flatMap((at) => see(detector, 'down', at, ['a1', 'a2'], ['c']));
    expect(detector.node('a1', 7_000)?.observers[2]).toMatchObject({ sees: 'abstains', failures: 3 });
    expect(looks(effects)).toContain('b2 from c at 5000');
    expect(pass(detector, 7_000, 15_750)).toEqual([]);
    expect(regions(pass(detector, 16_000, 17_000))).toEqual(['a: unknown', 'b: unknown']);
    for (const at of [17_000, 18_000, 19_000])
      expect(regions(see(detector, 'down', at, ['a1', 'a2', 'b1', 'b2'], ['c']))).toEqual([]);
  });

  it('is believed again once something has answered and the node has failed since', () => {
    const detector = watching();
    see(detector, 'up', 1_000, ['a1', 'a2', 'b1', 'b2']);
    for (const at of [5_000, 6_000, 7_000]) see(detector, 'down', at, ['a1', 'b1'], ['c']);
    see(detector, 'up', 8_000, ['b1'], ['c']);
    expect(detector.node('a1', 8_000)?.observers[2]).toMatchObject({ sees: 'abstains' });
    see(detector, 'down', 9_000, ['a1'], ['c']);
    expect(detector.node('a1', 9_000)?.observers[2]).toMatchObject({ sees: 'down', failures: 4 });
  });

  it('is no judge of what it saw down before, either', () => {
    const detector = watching();
    see(detector, 'up', 1_000, ['a1', 'a2', 'b1', 'b2']);
    lose(detector, 10_000, ['a1'], ['c']);
    for (let at = 20_000; at <= 50_000; at += 10_000)
      see(detector, 'down', at, ['a1', 'a2', 'b1', 'b2'], ['c']);
    expect(detector.node('a1', 50_000)?.observers[2]).toMatchObject({ sees: 'abstains' });
  });

  it('is believed when it looks at one region only', () => {
    const detector = watching(['a1', 'a2']);
    see(detector, 'up', 1_000, ['a1', 'a2']);
    for (const at of [5_000, 6_000, 7_000]) see(detector, 'down', at, ['a1', 'a2']);
    expect(regions(detector.tick(8_000))).toEqual(['a: offline']);
  });
});

describe('what flaps', () => {
  it('stays offline for five minutes, makes its region no target, and no region to be left', () => {
    const detector = watching();
    const all = ['a1', 'a2', 'b1', 'b2'];
    see(detector, 'up', 1_000, all);
    for (const at of [20_000, 40_000, 60_000]) {
      lose(detector, at, ['a1', 'a2']);
      see(detector, 'up', at + 100, all);
      see(detector, 'up', at + 200, all);
    }
    expect(detector.node('a1', 60_200)).toMatchObject({ status: 'offline', quarantined: true });
    expect(detector.region('a')).toMatchObject({ status: 'degraded', quarantined: true });
    const effects: Effect[] = [];
    for (let at = 65_000; at <= 362_000; at += 5_000)
      effects.push(...see(detector, 'up', at, all), ...pass(detector, at, at + 4_750));
    expect(nodes(effects)).toEqual(['a1: online', 'a2: online']);
    expect(effects.find(({ kind }) => kind === 'node')).toMatchObject({
      verdict: { since: 360_250, quarantined: false },
    });
    expect(detector.region('a')).toMatchObject({ status: 'online', quarantined: false });
  });
});

describe('what was written down', () => {
  const offline: NodeVerdict = {
    status: 'offline',
    reason: 'refused',
    since: 5,
    quarantined: false,
    observers: [
      { observer: 'b', sees: 'down', failures: 3, at: '1970-01-01T00:00:00.005Z', reason: 'refused' },
      { observer: 'z', sees: 'down', failures: 3, at: '1970-01-01T00:00:00.005Z', reason: 'refused' },
    ],
  };
  const start = 1_000_000;
  function restarted(verdict: NodeVerdict): Detector {
    const detector = createDetector(pace);
    const was = { status: 'offline', reason: '1 of 1 nodes offline', since: 5, quarantined: false } as const;
    const effects = [
      ...detector.setRegion({ regionId: 'a', maintenance: false }, start, was),
      ...detector.setNode({ nodeId: 'a1', regionId: 'a', observers, intervalMs }, start, verdict),
    ];
    expect(effects).toEqual([]);
    return detector;
  }

  it('is taken over without a word, and holds until answers can be there', () => {
    const detector = restarted(offline);
    expect(pass(detector, start, start + freshMs - 250)).toEqual([]);
    expect(detector.node('a1', start)).toMatchObject({ status: 'offline', reason: 'refused', since: 5 });
    expect(detector.node('a1', start)?.observers.map(({ sees }) => sees)).toEqual([
      'nothing',
      'down',
      'nothing',
    ]);
    expect(nodes(detector.tick(start + freshMs))).toEqual(['a1: unknown']);
  });

  it('gives way to a majority of those who look again', () => {
    const detector = restarted(offline);
    detector.tick(start);
    see(detector, 'up', start + 1_000, ['a1'], ['a', 'c']);
    expect(status(detector, 'a1')).toBe('online');
  });

  it('keeps a quarantine, without the claim that the node is down now', () => {
    const detector = restarted({ ...offline, quarantined: true });
    expect(detector.node('a1', start)).toMatchObject({ status: 'offline', quarantined: true });
    detector.tick(start);
    see(detector, 'up', start + 1_000, ['a1']);
    expect(detector.node('a1', start)).toMatchObject({ status: 'offline', quarantined: true });
    expect(detector.region('a')).toMatchObject({ status: 'degraded', quarantined: true });
  });
});

it('the same calls give the same effects, and the effects are what has changed', () => {
  const step = fc.record({
    node: fc.constantFrom('a1', 'a2', 'b1', 'b2'),
    observer: fc.constantFrom(...observers),
    outcome: fc.constantFrom('up', 'down', 'down', 'lost'),
    afterMs: fc.integer({ min: 1, max: 3_000 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const run = () => {
        const detector = watching();
        const said = new Map<string, string>();
        const effects: Effect[] = [];
        let now = 0;
        for (const { node, observer, outcome, afterMs } of steps) {
          now += afterMs;
          const caused = [...see(detector, outcome as 'up', now, [node], [observer]), ...detector.tick(now)];
          for (const effect of caused) {
            if (effect.kind === 'look_again') continue;
            const name = effect.kind === 'node' ? effect.nodeId : effect.regionId;
            const { status: is, quarantined } = effect.verdict;
            expect(said.get(name)).not.toBe(`${is} ${quarantined}`);
            said.set(name, `${is} ${quarantined}`);
          }
          effects.push(...caused);
        }
        for (const nodeId of ['a1', 'a2', 'b1', 'b2']) {
          const verdict = detector.node(nodeId, now);
          expect(said.get(nodeId) ?? 'unknown false').toBe(`${verdict?.status} ${verdict?.quarantined}`);
        }
        return effects;
      };
      expect(run()).toEqual(run());
    }),
  );
});
