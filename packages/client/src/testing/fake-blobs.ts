import { createHash, randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { defaults, type OutputRef, problem, timestamp } from '@tenma/protocol';
import { sendProblem } from './replies.ts';

/** Outputs that are too large for a message, as a fake LE keeps them. */
export interface FakeBlobs {
  /** Keeps an output, and gives what stands for it on a task. `missing`: it has not arrived yet. */
  keep(output: unknown, state?: 'whole' | 'missing'): OutputRef;
  /** Lets what was missing arrive. */
  arrive(blobId: string): void;
  answer(blobId: string, response: ServerResponse): void;
}

export function createFakeBlobs(): FakeBlobs {
  const blobs = new Map<string, { text: string; missing: boolean }>();
  return {
    keep(output, state = 'whole') {
      const text = JSON.stringify(output);
      const blob_id = randomUUID();
      blobs.set(blob_id, { text, missing: state === 'missing' });
      return {
        blob_id,
        bytes: Buffer.byteLength(text),
        content_type: 'application/json',
        sha256: createHash('sha256').update(text).digest('hex'),
        expires_at: timestamp(Date.now() + defaults.blobRetentionMs),
      };
    },
    arrive(blobId) {
      const blob = blobs.get(blobId);
      if (blob === undefined) throw new Error(`The fake has no blob ${blobId}`);
      blob.missing = false;
    },
    answer(blobId, response) {
      const blob = blobs.get(blobId);
      if (blob === undefined) return void sendProblem(response, problem('unknown_blob'));
      if (blob.missing) return void sendProblem(response, problem('blob_incomplete'), { 'retry-after': '0' });
      response.writeHead(200, { 'content-type': 'application/json' }).end(blob.text);
    },
  };
}
