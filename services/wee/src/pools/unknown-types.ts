import type { Log } from '@tenma/runtime';

/**
 * Bounds may be set for types that are still to come into the watched folder, so a name that nothing has is no fault; but
 * it may be misspelt, and would have no effect.
 */
export function warnOfUnknownTypes(
  log: Log,
  pools: Readonly<Record<string, unknown>>,
  types: Iterable<{ readonly type: string }>,
): void {
  const known = new Set([...types].map(({ type }) => type));
  const unknown = Object.keys(pools).filter((type) => !known.has(type));
  if (unknown.length === 0) return;
  const loaded = [...known].toSorted();
  log.warn(
    { unknown, known: loaded },
    `TENMA_POOLS names ${unknown.join(', ')}, which no worker that is loaded has: without effect until one comes; ` +
      `loaded: ${loaded.join(', ') || 'none'}`,
  );
}
