import type { WorkerVersion } from '@tenma/worker/messages';
import type { Lane } from './lane.ts';

/** The lanes of one type and major: one for each version and each place that it comes from, as long as it lives. */
export interface VersionLanes extends AsyncDisposable {
  readonly all: readonly Lane[];
  find(worker: WorkerVersion): Lane | undefined;
  /** There is one from now on. */
  of(worker: WorkerVersion): Lane;
}

/** `create`: the lane is forgotten when it says that it has gone. */
export function createVersionLanes(
  create: (worker: WorkerVersion, onGone: () => void) => Lane,
): VersionLanes {
  const lanes = new Map<string, Lane>();
  return {
    get all() {
      return [...lanes.values()];
    },
    find: (worker) => lanes.get(keyOf(worker)),
    of(worker) {
      const key = keyOf(worker);
      const lane = lanes.get(key) ?? create(worker, () => void lanes.delete(key));
      lanes.set(key, lane);
      return lane;
    },
    async [Symbol.asyncDispose]() {
      const last = [...lanes.values()];
      lanes.clear();
      await Promise.all(last.map((lane) => lane[Symbol.asyncDispose]()));
    },
  };
}

export function openIfNeeded(lane: Lane): void {
  if (lane.state === 'closed' || lane.state === 'faulty') lane.open();
}

const keyOf = ({ specifier, type }: WorkerVersion) => `${type.version} ${specifier}`;
