import type { Json } from '@tenma/protocol';
import { type ManualClock, manualClock, silentLog } from '@tenma/runtime';
import {
  type Behaviour,
  Refusal,
  request,
  type TestGroups,
  testGroups,
  workerVersion,
} from './groups.fixture.ts';
import type { VersionedOutcome } from './interfaces.ts';
import { createVersionSet, type VersionPlan, type VersionSet } from './version-set.ts';

export const [old, next] = ['1.0.0', '1.1.0'];
const bounds = { min: 0, max: 2 };

export interface Stage extends AsyncDisposable {
  readonly set: VersionSet;
  readonly clock: ManualClock;
  readonly groups: TestGroups;
  /** The time of every change that was told. */
  readonly changes: number[];
  /** Runs attempts one after the other. */
  run(...inputs: Json[]): Promise<VersionedOutcome[]>;
}

type Types = Parameters<typeof workerVersion>[1];

export const plan = (
  stable: string,
  candidate: string | null,
  share = 0.1,
  types: Types = {},
): VersionPlan => ({
  stable: workerVersion(stable, types),
  candidate: candidate === null ? null : workerVersion(candidate, types),
  share,
  since: 'today',
});

export async function stage(
  first: VersionPlan,
  behaviours: Readonly<Record<string, Behaviour>> = {},
  closed: string[] = [],
  min = 0,
): Promise<Stage> {
  const clock = manualClock();
  const groups = testGroups(behaviours, closed);
  const changes: number[] = [];
  const components = { clock, log: silentLog(), random: () => 0.5, createGroup: groups.create };
  const onChange = () => void changes.push(clock.now());
  const set = createVersionSet({ ...components, onChange }, first, { ...bounds, min });
  await clock.advance(0);
  return {
    set,
    clock,
    groups,
    changes,
    async run(...inputs) {
      const outcomes: VersionedOutcome[] = [];
      for (const input of inputs) outcomes.push(await set.start(request(input)).ended);
      return outcomes;
    },
    [Symbol.asyncDispose]: () => set[Symbol.asyncDispose](),
  };
}

export const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);
export const by = (outcomes: readonly VersionedOutcome[], version: string) =>
  outcomes.filter((outcome) => outcome.version === version).length;
export const fail = () => {
  throw new Error('broken');
};
export const refuse = () => {
  throw new Refusal('not my schema');
};

/** An input is held until the test lets it go. */
export function gate(): { behaviour: Behaviour; open: () => void; held: () => number } {
  const opened = Promise.withResolvers<void>();
  let held = 0;
  return {
    behaviour: async (input, signal) => {
      held += 1;
      const aborted = new Promise((_, reject) =>
        signal.addEventListener('abort', () => reject(new Error('aborted'))),
      );
      await Promise.race([opened.promise, aborted]);
      return input;
    },
    open: () => opened.resolve(),
    held: () => held,
  };
}
