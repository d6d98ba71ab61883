import type { ResultKind } from './options.ts';

/** What the WEE loads, and the task type that the bench submits. */
export interface Workers {
  readonly packages: string;
  readonly type: string;
}

const noop = new URL('./noop-worker.ts', import.meta.url).href;

/** `echo` answers the kibibyte that it was given; `small` answers null. */
export const workersFor: Readonly<Record<ResultKind, Workers>> = {
  echo: { packages: '@tenma/workers/testing', type: 'echo' },
  small: { packages: noop, type: 'noop' },
};
