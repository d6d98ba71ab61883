import type { Verdict } from '@tenma/protocol';
import type { Clock, Log } from '@tenma/runtime';
import type { DocumentCache, DocumentChange, Write } from '../documents/document-cache.ts';
import { createWakeable } from '../wakeable.ts';
import type { Lease } from './lease.ts';

export type VerdictKind = 'node-verdict' | 'region-verdict';

/** Writes verdicts down as documents, the newest of each; until it is disposed, which drops what is not written. */
export interface VerdictWriter extends AsyncDisposable {
  /** Null: there is none any more. */
  put(kind: VerdictKind, id: string, verdict: Verdict | null): void;
}

interface Components {
  readonly documents: DocumentCache;
  readonly lease: Pick<Lease, 'held'>;
  readonly clock: Clock;
  readonly log: Log;
}

interface Put {
  readonly kind: VerdictKind;
  readonly id: string;
  readonly verdict: Verdict | null;
}

const writesAtOnce = 500;
const retryMs = 1_000;

/**
 * Over the version that was read: a holder that slept through the end of its lease must not undo what the next one has
 * written meanwhile.
 */
export function startVerdictWriter({ documents, lease, clock, log }: Components): VerdictWriter {
  const waiting = new Map<string, Put>();
  let closed = false;
  let retry: Disposable | undefined;
  let writing: Promise<DocumentChange | null> = Promise.resolve(null);

  async function round(): Promise<void> {
    // What follows from one message or tick becomes one write.
    await new Promise((resolve) => setImmediate(resolve));
    while (waiting.size > 0 && !closed) {
      if (!lease.held) return later();
      const taken = [...waiting].slice(0, writesAtOnce);
      for (const [key] of taken) waiting.delete(key);
      const writes = taken.map(([, put]) => writeFor(documents, put)).filter((write) => write !== null);
      try {
        const late = await (writing = documents.write(writes));
        if (late === null) continue;
        giveBack(taken);
        return later();
      } catch (error) {
        log.debug({ err: error, verdicts: taken.length }, 'verdicts are not written yet');
        giveBack(taken);
        return later();
      }
    }
  }

  /** But where a newer one has taken the place of it. */
  function giveBack(taken: readonly [key: string, put: Put][]): void {
    for (const [key, put] of taken) if (!waiting.has(key)) waiting.set(key, put);
  }

  function later(): void {
    retry?.[Symbol.dispose]();
    if (!closed) retry = clock.after(retryMs, () => rounds.wake());
  }

  const rounds = createWakeable(round, (error) => log.error({ err: error }, 'verdicts are not written'));

  return {
    put(kind, id, verdict) {
      waiting.set(`${kind}/${id}`, { kind, id, verdict });
      rounds.wake();
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      retry?.[Symbol.dispose]();
      await writing.catch(() => null);
    },
  };
}

/** Null: nothing is to be written. A verdict on what is gone would bring half of it back. */
function writeFor(documents: DocumentCache, { kind, id, verdict }: Put): Write | null {
  const stands = documents.get(kind, id);
  const expected = stands?.version ?? 0;
  const value = documents.get(kind === 'node-verdict' ? 'node' : 'region', id) ? verdict : null;
  if (value === null) return stands ? { kind, id, expected, value } : null;
  return stands && saysTheSame(stands.value, value) ? null : { kind, id, expected, value };
}

function saysTheSame(a: Verdict, b: Verdict): boolean {
  if (a.status !== b.status || a.reason !== b.reason || a.quarantined !== b.quarantined) return false;
  const sights = ({ observers }: Verdict) =>
    observers.map(({ observer, sees }) => `${observer} ${sees}`).join();
  return sights(a) === sights(b);
}
