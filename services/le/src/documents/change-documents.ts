import { type Problem, problem } from '@tenma/protocol';
import type { DocumentCache, Write } from './document-cache.ts';

/** What a verb answers: what there is now, or why nothing has changed. */
export type Answer<Value> = { readonly value: Value } | { readonly problem: Problem };

/** What is to be written, and what is answered once it stands there. Without writes nothing changes. */
export interface Plan<Value> {
  readonly writes: readonly Write[];
  readonly value: Value;
}

/** Lost races in a row after which the caller is told. */
const triesMax = 5;

/**
 * Writes what `decide` makes of what the cache shows. Whatever it rests on stands among its writes with the version it
 * was read at; where somebody else was faster, it decides anew. Pure: it may be called more than once.
 * @throws StoreUnavailableError
 */
export async function changeDocuments<Value>(
  documents: DocumentCache,
  decide: () => Plan<Value> | { readonly problem: Problem },
): Promise<Answer<Value>> {
  for (let tries = 0; tries < triesMax; tries += 1) {
    const plan = decide();
    if ('problem' in plan) return plan;
    if ((await documents.write(plan.writes)) === null) return { value: plan.value };
  }
  return { problem: problem('changed_meanwhile') };
}

/** Runs one after the other what would get into each other's way. */
export type InTurn = <Value>(work: () => Promise<Value>) => Promise<Value>;

export function takeTurns(): InTurn {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
}
