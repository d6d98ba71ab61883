/** Work that runs when it is asked for: never twice at once, and once more if it is asked for while it runs. */
export interface Wakeable {
  wake(): void;
}

export function createWakeable(work: () => Promise<void>, onError: (error: unknown) => void): Wakeable {
  let running = false;
  let again = false;

  async function run(): Promise<void> {
    running = true;
    while (again) {
      again = false;
      await work().catch(onError);
    }
    running = false;
  }

  return {
    wake() {
      again = true;
      if (!running) void run();
    },
  };
}
