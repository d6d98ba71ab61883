/** What goes down so often within `flapWindowMs` is in quarantine until it has been up for `steadyMs` without a break. */
export const flapDowns = 3;
export const flapWindowMs = 15 * 60_000;
export const steadyMs = 5 * 60_000;

export interface Flaps {
  /** The last times it went down, at most {@link flapDowns}; Unix ms. */
  readonly downs: readonly number[];
  /** Since when it has been up without a break. */
  readonly upSince: number | null;
  readonly quarantined: boolean;
}

export const noFlaps: Flaps = { downs: [], upSince: null, quarantined: false };

export interface Turn {
  /** It was up when last seen and is down now. */
  readonly wentDown: boolean;
  readonly isUp: boolean;
}

/** The same object when nothing has changed. */
export function damped(flaps: Flaps, { wentDown, isUp }: Turn, now: number): Flaps {
  const downs = wentDown ? [...flaps.downs, now].slice(-flapDowns) : flaps.downs;
  const upSince = isUp ? (flaps.upSince ?? now) : null;
  const tooOften = wentDown && downs.length === flapDowns && now - (downs[0] ?? now) <= flapWindowMs;
  const released = upSince !== null && now - upSince >= steadyMs;
  const quarantined = tooOften || (flaps.quarantined && !released);
  if (!wentDown && upSince === flaps.upSince && quarantined === flaps.quarantined) return flaps;
  return { downs, upSince, quarantined };
}

/** When time alone ends the quarantine; infinite when it does not. */
export function releaseAt({ quarantined, upSince }: Flaps): number {
  return quarantined && upSince !== null ? upSince + steadyMs : Number.POSITIVE_INFINITY;
}
