/** Those who want to hear of something; one that is disposed hears no more. */
export interface Listeners<Args extends readonly unknown[]> {
  add(listener: (...args: Args) => void): Disposable;
  call(...args: Args): void;
}

export function createListeners<Args extends readonly unknown[]>(): Listeners<Args> {
  const all = new Set<(...args: Args) => void>();
  return {
    add(listener) {
      // Wrapped, so that the same function added twice is two listeners.
      const own = (...args: Args) => listener(...args);
      all.add(own);
      return { [Symbol.dispose]: () => void all.delete(own) };
    },
    call(...args) {
      // A copy: a listener may add or dispose others.
      const current = Array.from(all);
      for (const listener of current) listener(...args);
    },
  };
}
