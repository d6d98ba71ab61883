import { blobAddress, type Json, type OutputRef } from '@tenma/protocol';
import { z } from 'zod';
import { BadResponseError, RequestError } from './errors.ts';
import { isOutage } from './http.ts';
import { backoffMs, type ClientClock } from './patience.ts';
import type { CallOptions } from './task-handle.ts';
import type { Transport } from './transport.ts';

/** Outputs that are too large for a message. */
export interface Blobs {
  /**
   * The answer that carries a blob, with its body still to be read. Parts that are on their way are waited for.
   * @throws RequestError `unknown_blob` once it has expired
   */
  open(id: string, options?: CallOptions): Promise<Response>;
  /**
   * The output that a reference stands for. Parts that are on their way are waited for, a minute at most.
   * @throws BadResponseError when it is not what the worker returned, by its SHA-256
   */
  read(ref: OutputRef, signal: AbortSignal): Promise<Json>;
}

export interface BlobsOptions {
  transport: Transport;
  clock: ClientClock;
  random: () => number;
  closing: AbortSignal;
}

/** Parts travel beside the word of the end. What has not arrived by then is lost, as LE sees it too. */
const patienceMs = 60_000;
/** For the whole of a blob, which has 64 MiB at most. */
const transferMs = 120_000;

/** Walking 64 MiB that come out of JSON.parse would only cost time. */
const jsonReader = z.custom<Json>((value) => value !== undefined);

export function createBlobs({ transport, clock, random, closing }: BlobsOptions): Blobs {
  const address = (id: string) => blobAddress(encodeURIComponent(id));
  return {
    async open(id, { signal } = {}) {
      // It has to last as long as the body is read, so nothing here can say when to let go of it.
      const ending = signal === undefined ? closing : AbortSignal.any([signal, closing]);
      const deadline = clock.monotonic() + patienceMs;
      for (let tries = 1; ; tries += 1) {
        try {
          return await transport.open(address(id), {}, ending);
        } catch (error) {
          const pauseMs = saidPauseMs(error) + backoffMs(tries, random);
          if (!isOutage(error) || clock.monotonic() + pauseMs >= deadline) throw error;
          await clock.sleep(pauseMs, ending);
        }
      }
    },
    async read(ref, signal) {
      const path = address(ref.blob_id);
      const { data, text, status } = await transport.call(
        {
          method: 'GET',
          path,
          signal,
          repeat: 'always',
          retryForMs: patienceMs,
          attemptTimeoutMs: transferMs,
        },
        jsonReader,
      );
      const found = await sha256(text);
      if (found === undefined || found === ref.sha256) return data;
      throw new BadResponseError(
        `Blob ${ref.blob_id} is not the output it stands for: its SHA-256 is ${found}, not ${ref.sha256}`,
        status,
      );
    },
  };
}

function saidPauseMs(error: unknown): number {
  return error instanceof RequestError ? (error.problem.retry_after_ms ?? 0) : 0;
}

/** Hexadecimal; undefined on a web page that came over plain HTTP, where browsers give no digests. */
async function sha256(text: string): Promise<string | undefined> {
  const subtle = crypto.subtle as typeof crypto.subtle | undefined;
  if (subtle === undefined) return undefined;
  const digest = new Uint8Array(await subtle.digest('SHA-256', new TextEncoder().encode(text)));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
