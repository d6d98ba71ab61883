import { type Place, unitVector } from '../place/great-circle.ts';
import { hashOf } from '../id-hash.ts';

/**
 * A region's place in a space whose distances are round trips in ms. `heightMs` is what every path of it costs
 * before it gets anywhere; `error` is how far its distances are off, relative and on average, as it has seen itself.
 */
export interface Coordinate {
  readonly at: readonly number[];
  readonly heightMs: number;
  readonly error: number;
}

/**
 * Vivaldi: a spring between two regions is as long as the round trip measured between them, and each region lets its
 * springs push it a little with every measurement. The one that knows its place less well moves further.
 * Dabek, Cox, Kaashoek, Morris, "Vivaldi: A Decentralized Network Coordinate System", SIGCOMM 2004: the constants are
 * its §3.3 (both 0.25) and the height its §5.4.
 */
const stepShare = 0.25;
const errorShare = 0.25;

/** A region that has measured nothing; a new one trusts any other more than itself. */
const startError = 1;
const mostError = 1.5;
const leastHeightMs = 0.1;
/** Shorter round trips are noise to a relative error: as Serf and others found, it never settles within a site. */
const leastRelevantMs = 1;

/**
 * The sphere on which regions start: half the round trip that the estimate gives to the other side of the Earth, as a
 * way through a sphere is shorter than the way around it that it stands for. Start at random and the first rounds go
 * into unfolding the globe.
 */
const globeMs = 130;
const startHeightMs = 2;

/** Where a region begins: on a globe, by its place, a hair's breadth aside by its id so that no two coincide. */
export function startCoordinate(id: string, place: Place): Coordinate {
  const aside = directionOf(id);
  return {
    at: unitVector(place).map((value, axis) => value * globeMs + (aside[axis] ?? 0) * leastHeightMs),
    heightMs: startHeightMs,
    error: startError,
  };
}

/** Where `own` goes after a round trip of `rttMs` to `other`, which stays. What is no round trip moves nothing. */
export function moveCoordinate(own: Coordinate, other: Coordinate, rttMs: number): Coordinate {
  if (!Number.isFinite(rttMs) || rttMs <= 0 || own.at.length !== other.at.length) return own;
  const difference = own.at.map((value, axis) => value - (other.at[axis] ?? 0));
  const apartMs = Math.hypot(...difference);
  const expectedMs = apartMs + own.heightMs + other.heightMs;
  const trust = own.error / Math.max(own.error + other.error, Number.MIN_VALUE);
  const offBy = Math.min(mostError, Math.abs(expectedMs - rttMs) / Math.max(rttMs, leastRelevantMs));
  const learn = errorShare * trust;
  const push = (stepShare * trust * (rttMs - expectedMs)) / expectedMs;
  return {
    // At one and the same point there is no way apart: any will do, as only one of the two moves.
    at: difference.map((value, axis) => (own.at[axis] ?? 0) + push * (apartMs > 0 || axis > 0 ? value : 1)),
    heightMs: Math.max(leastHeightMs, own.heightMs + push * (own.heightMs + other.heightMs)),
    error: Math.min(mostError, offBy * learn + own.error * (1 - learn)),
  };
}

/** The round trip that two coordinates stand for, in ms. */
export function coordinateRoundTripMs(a: Coordinate, b: Coordinate): number {
  let squares = 0;
  for (const [axis, value] of a.at.entries()) squares += (value - (b.at[axis] ?? 0)) ** 2;
  return Math.sqrt(squares) + a.heightMs + b.heightMs;
}

/** A direction that only the id decides: each axis from -1 to 1. */
function directionOf(id: string): number[] {
  return ['x', 'y', 'z'].map((axis) => hashOf(`${axis}:${id}`) / 2 ** 31 - 1);
}
