import type { ContentEncoding } from '@tenma/protocol';

/** What is known of an output that is kept apart from its task. */
export interface Blob {
  /** A UUID. */
  readonly id: string;
  readonly taskId: string;
  readonly parts: number;
  readonly contentType: string;
  /** Of all parts together. */
  readonly contentEncoding: ContentEncoding;
  /** Of the whole, unpacked. */
  readonly bytes: number;
  /** Of the whole, unpacked; hexadecimal. */
  readonly sha256: string;
  /** Unix milliseconds. */
  readonly expiresAt: number;
}

export interface Blobs {
  /** Keeps one part, from 0. A part that is there already stays as it is, so that it can come twice. */
  putBlobPart(blob: Blob, part: number, data: Uint8Array): Promise<void>;
  /** Null when no part of it is there. `kept`: how many are. Says nothing of whether it has expired. */
  blob(id: string): Promise<(Blob & { readonly kept: number }) | null>;
  /** Null when it is not there. */
  blobPart(id: string, part: number): Promise<Uint8Array | null>;
  /** Deletes up to `limit` parts that had expired by then, whole blobs or not; returns how many. */
  forgetBlobParts(what: { readonly expiredBy: number; readonly limit: number }): Promise<number>;
}

/** A blob as its parts keep it: each knows all of it, so that no part is ever without its blob. */
export interface BlobRow {
  readonly blob_id: string;
  readonly task_id: string;
  readonly parts: number;
  readonly content_type: string;
  readonly content_encoding: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly expires_at: number;
}

export const blobColumns = [
  'blob_id',
  'task_id',
  'parts',
  'content_type',
  'content_encoding',
  'bytes',
  'sha256',
  'expires_at',
] as const satisfies readonly (keyof BlobRow)[];

export function blobRow(blob: Blob): BlobRow {
  return {
    blob_id: blob.id,
    task_id: blob.taskId,
    parts: blob.parts,
    content_type: blob.contentType,
    content_encoding: blob.contentEncoding,
    bytes: blob.bytes,
    sha256: blob.sha256,
    expires_at: blob.expiresAt,
  };
}

export function blobOf(row: BlobRow & { readonly kept: number }): Blob & { readonly kept: number } {
  return {
    id: row.blob_id,
    taskId: row.task_id,
    parts: row.parts,
    contentType: row.content_type,
    contentEncoding: row.content_encoding as ContentEncoding,
    bytes: row.bytes,
    sha256: row.sha256,
    expiresAt: row.expires_at,
    kept: row.kept,
  };
}
