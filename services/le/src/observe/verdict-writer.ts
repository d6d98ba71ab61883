import type { Verdict } from '@tenma/protocol';
import type { Clock, Log } from '@tenma/runtime';
import type { DocumentCache, Write } from '../documents/document-cache.ts';
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
 * Whatever stands there is overwritten: only the holder of the lease writes verdicts, and a write that it has begun ends
 * before another one can hold it.
 */
export function startVerdictWriter({ documents, lease, clock, log }: Components): VerdictWriter {
  const waiting = new Map<string, Put>();
  let closed = false;
  let retry: Disposable | undefined;
  let writing: Promise<unknown> = Promise.resolve();

  async function round(): Promise<void> {
    // What follows from one message or tick becomes one write.
    await new Promise((resolve) => setImmediate(resolve));
    while (waiting.size > 0 && !closed) {
      if (!lease.held) return later();
      const taken = [...waiting].slice(0, writesAtOnce);
      for (const [key] of taken) waiting.delete(key);
      const writes = taken.map(([, put]) => writeFor(documents, put)).filter((write) => write !== null);
      try {
        await (writing = documents.write(writes));
      } catch (error) {
        log.debug({ err: error, verdicts: taken.length }, 'verdicts are not written yet');
        // A newer one has taken the place of some.
        for (const [key, put] of taken) if (!waiting.has(key)) waiting.set(key, put);
        return later();
      }
    }
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
      await writing.catch(() => undefined);
    },
  };
}

/** Null: nothing is to be written. A verdict on what is gone would bring half of it back. */
function writeFor(documents: DocumentCache, { kind, id, verdict }: Put): Write | null {
  const stands = documents.get(kind, id)?.value;
  const value = documents.get(kind === 'node-verdict' ? 'node' : 'region', id) ? verdict : null;
  if (value === null) return stands ? { kind, id, expected: 'any', value } : null;
  return stands && saysTheSame(stands, value) ? null : { kind, id, expected: 'any', value };
}

function saysTheSame(a: Verdict, b: Verdict): boolean {
  return a.status === b.status && a.reason === b.reason && a.quarantined === b.quarantined;
}
