import type { Presence } from '@tenma/protocol';
import type { Clock } from '@tenma/runtime';

/** A WEE that starts anew has its versions back by then. */
export const goneAfterMs = 30_000;

/** Until when somebody had which type. */
export interface TypeSights {
  /** Somebody has come or gone, or has other types; `present` is the whole fleet, with those that drain. */
  seen(present: readonly Presence[]): void;
  /** A WEE beats: it has what it last announced, though it may be cut off from MQTT. */
  heard(weeId: string): void;
  /** Presences arrive from now on: what was not heard of before counts for nothing. */
  connected(): void;
  /** For how long it is known that nobody has the type; 0 while somebody does. */
  absentForMs(type: string): number;
}

/** What a WEE last announced, and when it was last heard of. */
interface Wee {
  readonly types: ReadonlySet<string>;
  at: number;
}

export function createTypeSights(clock: Pick<Clock, 'monotonic'>): TypeSights {
  let since = clock.monotonic();
  let present: ReadonlySet<string> = new Set();
  const wees = new Map<string, Wee>();
  /** When somebody was last known to have it. */
  const had = new Map<string, number>();

  function haveNow(types: Iterable<string>): void {
    for (const type of types) had.set(type, clock.monotonic());
  }

  function forgetOld(): void {
    const isOld = (at: number) => clock.monotonic() - at >= goneAfterMs;
    for (const [id, { at }] of wees) if (isOld(at)) wees.delete(id);
    for (const [type, at] of had) if (isOld(at)) had.delete(type);
  }

  return {
    seen(now) {
      haveNow(present);
      for (const { wee_id: id, types } of now) {
        wees.set(id, { types: new Set(types.map(({ type }) => type)), at: clock.monotonic() });
      }
      present = new Set(now.flatMap(({ types }) => types.map(({ type }) => type)));
      forgetOld();
    },
    heard(weeId) {
      const wee = wees.get(weeId);
      if (!wee) return;
      wee.at = clock.monotonic();
      haveNow(wee.types);
    },
    connected() {
      since = clock.monotonic();
    },
    absentForMs(type) {
      if (present.has(type)) return 0;
      return clock.monotonic() - Math.max(since, had.get(type) ?? since);
    },
  };
}
