import { z } from 'zod';
import { taskIdSchema, timestampSchema } from './ids.ts';

/** How stored or sent bytes are packed. */
export const contentEncodings = ['identity', 'gzip', 'zstd'] as const;
export const contentEncodingSchema = z.enum(contentEncodings);
export type ContentEncoding = (typeof contentEncodings)[number];

/** Stands for an output that is too large for a message: `GET /api/v1/blobs/{id}` gives it while it is kept. */
export const outputRefSchema = z
  .object({
    blob_id: z.uuid(),
    bytes: z.int().describe('Of the output, unpacked.'),
    content_type: z.string(),
    sha256: z.string().describe('Of the output, unpacked; hexadecimal.'),
    expires_at: timestampSchema.describe('Kept until then.'),
  })
  .meta({ id: 'OutputRef' });
export type OutputRef = z.infer<typeof outputRefSchema>;

/** Body of a message on `tenma.blobs`: WEE → LE. LE keeps the parts as they come; with the last one the blob is whole. */
export const blobPartSchema = z
  .object({
    blob_id: z.uuid(),
    task_id: taskIdSchema,
    index: z.int().min(0),
    parts: z.int().min(1),
    content_type: z.string(),
    content_encoding: contentEncodingSchema.describe('Of all parts together.'),
    bytes: z.int().describe('Of the whole, unpacked.'),
    sha256: z.string().describe('Of the whole, unpacked; hexadecimal.'),
    expires_at: z.int().describe('Unix ms.'),
    data: z.base64(),
  })
  .meta({ id: 'BlobPart' });
export type BlobPart = z.infer<typeof blobPartSchema>;

export function blobAddress(blobId: string): string {
  return `/api/v1/blobs/${blobId}`;
}
