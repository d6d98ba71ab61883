/** Steps of which some take time, one after the other in the order of the calls. */
export interface InOrder {
  /** Some step has not ended. */
  readonly busy: boolean;
  /**
   * Runs the step within the call when none before it is under way, else after them.
   * @param step must neither throw nor reject
   */
  add(step: () => void | Promise<void>): void;
  /** Resolves when every step has ended. */
  idle(): Promise<void>;
}

export function createInOrder(): InOrder {
  let waiting: (() => void | Promise<void>)[] = [];
  let running: Promise<void> | undefined;

  async function goOn(first: Promise<void>): Promise<void> {
    await first;
    while (waiting.length > 0) {
      const steps = waiting;
      waiting = [];
      for (const step of steps) {
        const ended = step();
        if (ended) await ended;
      }
    }
    running = undefined;
  }

  return {
    get busy() {
      return running !== undefined;
    },
    add(step) {
      if (running) {
        waiting.push(step);
        return;
      }
      const ended = step();
      if (ended) running = goOn(ended);
    },
    async idle() {
      await running;
    },
  };
}
