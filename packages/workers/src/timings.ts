import { z } from 'zod';

const duration = z.number().min(0).nullable();

/** How long each phase took, in milliseconds; null where it did not happen or did not end. */
export const timingsSchema = z.object({
  dns_ms: duration.describe('Resolving the name; null for an address.'),
  connect_ms: duration.describe('The TCP handshake: one round trip.'),
  tls_ms: duration.describe('The TLS handshake.'),
  first_byte_ms: duration.describe('From ready to send until the first byte of the answer.'),
  total_ms: z.number().min(0).describe('From the start to the verdict.'),
});
export type Timings = z.infer<typeof timingsSchema>;

type Mark = 'resolved' | 'connected' | 'secured' | 'firstByte';

/** Marks moments of one connection; the first mark of a kind counts. */
export class Stopwatch {
  readonly #startedAt = performance.now();
  readonly #at = new Map<Mark, number>();

  mark(moment: Mark): void {
    if (!this.#at.has(moment)) this.#at.set(moment, performance.now());
  }

  timings(): Timings {
    const resolved = this.#at.get('resolved');
    const connected = this.#at.get('connected');
    const secured = this.#at.get('secured');
    return {
      dns_ms: span(this.#startedAt, resolved),
      connect_ms: span(resolved ?? this.#startedAt, connected),
      tls_ms: span(connected, secured),
      first_byte_ms: span(secured ?? connected, this.#at.get('firstByte')),
      total_ms: milliseconds(performance.now() - this.#startedAt),
    };
  }
}

function span(from: number | undefined, to: number | undefined): number | null {
  return from === undefined || to === undefined ? null : milliseconds(to - from);
}

/** To the microsecond: the clock shows no more. */
export function milliseconds(duration: number): number {
  return Math.max(0, Math.round(duration * 1_000) / 1_000);
}
