import type { NodeStatus, RegionStatus } from '@tenma/protocol';
import { describe, expect, it } from 'vitest';
import { createDetector } from './create-detector.ts';
import type { Effect } from './detector.ts';
import { paces } from './pace.ts';

/** Every combination of what can be lost of three regions with two nodes each, all of which observe all nodes. */
type Observer = 'well' | 'silent' | 'cut off';
interface Fate {
  /** Of its two nodes: which of them are up. */
  readonly up: readonly [boolean, boolean];
  readonly observer: Observer;
}

const nodeFates: readonly (readonly [boolean, boolean])[] = [
  [true, true],
  [true, false],
  [false, true],
  [false, false],
];
const fates: readonly Fate[] = (['well', 'silent', 'cut off'] as const).flatMap((observer) =>
  nodeFates.map((up) => ({ up, observer })),
);
// The loss of a whole region is that of both nodes and of the workers who would observe: already among them.
const worlds = fates.flatMap((a) => fates.flatMap((b) => fates.map((c) => [a, b, c] as const)));
type World = (typeof worlds)[number];
const regionIds = ['a', 'b', 'c'] as const;

/**
 * The rule, said simply: whoever is not silent, not cut off, and sees anything at all up, tells the truth; if there is
 * somebody like that his word is the verdict, if not nobody knows.
 */
function expected(world: World): { nodes: NodeStatus[]; regions: RegionStatus[] } {
  const anythingUp = world.some(({ up }) => up.includes(true));
  const known = anythingUp && world.some(({ observer }) => observer === 'well');
  const statuses = world.map(({ up }) => up.map((one): NodeStatus => (one ? 'online' : 'offline')));
  const ofRegion = ({ up }: Fate): RegionStatus => {
    if (!known) return 'unknown';
    if (up.every((one) => one)) return 'online';
    return up.some((one) => one) ? 'degraded' : 'offline';
  };
  return {
    nodes: known ? statuses.flat() : Array<NodeStatus>(6).fill('unknown'),
    regions: world.map(ofRegion),
  };
}

const pace = paces.default;
const nodes = regionIds.flatMap((regionId, region) =>
  ([0, 1] as const).map((place) => ({
    nodeId: `${regionId}${place}`,
    regionId,
    region,
    place,
    intervalMs: regionId === 'a' ? pace.activeIntervalMs : pace.intervalMs,
  })),
);

const stepMs = 500;
const endMs = 150_000;

/** When who looks at what: each pair has a second of its own. */
const slots = new Map<number, { nodeId: string; observer: string }[]>();
for (const [index, { nodeId, intervalMs }] of nodes.entries()) {
  for (const [by, observer] of regionIds.entries()) {
    for (let at = (1_000 * (index + 3 * by)) % intervalMs; at <= endMs; at += intervalMs)
      slots.set(at, [...(slots.get(at) ?? []), { nodeId, observer }]);
  }
}

/** All is well for a slot, then the world is as given for long enough to be judged; looks asked for are made. */
function judged(world: World) {
  const detector = createDetector(pace);
  for (const regionId of regionIds) detector.setRegion({ regionId, maintenance: false }, 0);
  for (const { nodeId, regionId, intervalMs } of nodes)
    detector.setNode({ nodeId, regionId, observers: regionIds, intervalMs }, 0);
  const byId = new Map(nodes.map((node) => [node.nodeId, node]));
  const asked: { at: number; nodeId: string; observer: string }[] = [];
  const follow = (effects: Effect[]) => {
    for (const effect of effects) if (effect.kind === 'look_again') asked.push(effect);
  };
  const brokenAt = 31_000;

  function look(nodeId: string, observer: string, now: number): void {
    const { region, place } = byId.get(nodeId)!;
    const by = now < brokenAt ? 'well' : world[regionIds.indexOf(observer as 'a')]!.observer;
    if (by === 'silent') return;
    const up = now < brokenAt || (by === 'well' && world[region]!.up[place]);
    follow(detector.sighted({ nodeId, observer, outcome: up ? 'up' : 'down', at: now, reason: null }, now));
  }

  for (let now = stepMs; now <= endMs; now += stepMs) {
    for (const { at, nodeId, observer } of asked.splice(0)) {
      if (at <= now) look(nodeId, observer, now);
      else asked.push({ at, nodeId, observer });
    }
    for (const { nodeId, observer } of slots.get(now) ?? []) look(nodeId, observer, now);
    follow(detector.tick(now));
  }
  return {
    nodes: nodes.map(({ nodeId }) => detector.node(nodeId, endMs)?.status),
    regions: regionIds.map((regionId) => detector.region(regionId)?.status),
  };
}

describe('three regions of two nodes, in every combination of losses', () => {
  it.each(fates.map((fate) => [`${fate.up.join(' and ')}, observer ${fate.observer}`, fate] as const))(
    'with the nodes of the active region up: %s',
    (_, first) => {
      const some = worlds.filter(([a]) => a === first);
      expect(some).toHaveLength(144);
      for (const world of some) expect({ world, ...judged(world) }).toEqual({ world, ...expected(world) });
    },
  );
});
