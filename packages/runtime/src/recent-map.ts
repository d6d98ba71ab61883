/** Remembers the last `size` entries set, and forgets the older ones. */
export interface RecentMap<Value> {
  set(key: string, value: Value): void;
  get(key: string): Value | undefined;
  delete(key: string): void;
  entries(): Iterable<[string, Value]>;
}

export function createRecentMap<Value>(size: number): RecentMap<Value> {
  const entries = new Map<string, Value>();
  return {
    set(key, value) {
      entries.delete(key);
      entries.set(key, value);
      if (entries.size <= size) return;
      const oldest = entries.keys().next();
      if (!oldest.done) entries.delete(oldest.value);
    },
    get: (key) => entries.get(key),
    delete: (key) => void entries.delete(key),
    entries: () => entries.entries(),
  };
}
