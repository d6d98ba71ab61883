/**
 * Whether an observer can see at all. It is believed that something is down only if it has had an answer from something
 * else since the failures began; so one that is cut off never gets to vote, not even on what it happens to probe first.
 */
export interface ObserverSight {
  watches(regionId: string): void;
  watchesNoLonger(regionId: string): void;
  sawUp(nodeId: string, regionId: string, at: number, freshMs: number): void;
  canSee(failingSince: number, at: number): boolean;
  /** When it last saw anything up; null when that is no longer fresh, but for one who looks at a single region. */
  lastSawUp(now: number): number | null;
  /** Up to `count` nodes whose answer would show whether it can see; none when it was asked a moment ago. */
  controls(count: number, regionId: string, at: number, notWithinMs: number): string[];
}

export function createObserverSight(): ObserverSight {
  const targets = new Map<string, number>();
  const lastUp = new Map<string, { nodeId: string; at: number; askedAt: number }>();
  let lastUpAt = Number.NEGATIVE_INFINITY;
  let freshUntil = Number.NEGATIVE_INFINITY;
  let provenUntil = Number.NEGATIVE_INFINITY;
  let askedAt = Number.NEGATIVE_INFINITY;

  return {
    watches(regionId) {
      targets.set(regionId, (targets.get(regionId) ?? 0) + 1);
    },
    watchesNoLonger(regionId) {
      const left = (targets.get(regionId) ?? 0) - 1;
      if (left > 0) {
        targets.set(regionId, left);
      } else {
        targets.delete(regionId);
        lastUp.delete(regionId);
      }
    },
    sawUp(nodeId, regionId, at, freshMs) {
      lastUpAt = Math.max(lastUpAt, at);
      freshUntil = Math.max(freshUntil, at + freshMs);
      // Twice: a single answer that got lost must not make a long outage doubtful.
      provenUntil = Math.max(provenUntil, at + 2 * freshMs);
      lastUp.set(regionId, { nodeId, at, askedAt: lastUp.get(regionId)?.askedAt ?? 0 });
    },
    canSee(failingSince, at) {
      // Who looks at one region only cannot tell its loss from his own; the others will.
      if (targets.size < 2) return true;
      return lastUpAt >= failingSince && at <= provenUntil;
    },
    lastSawUp(now) {
      const counts = now < freshUntil || (targets.size < 2 && Number.isFinite(lastUpAt));
      return counts ? lastUpAt : null;
    },
    controls(count, regionId, at, notWithinMs) {
      if (targets.size < 2 || at < askedAt + notWithinMs) return [];
      askedAt = at;
      // Each in another region, the one first that was asked longest ago: that region may be gone as well.
      const chosen = [...lastUp]
        .sort(
          ([a, one], [b, two]) =>
            Number(a === regionId) - Number(b === regionId) || one.askedAt - two.askedAt || two.at - one.at,
        )
        .slice(0, count);
      for (const [, asked] of chosen) asked.askedAt = at;
      return chosen.map(([, { nodeId }]) => nodeId);
    },
  };
}
