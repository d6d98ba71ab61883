import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Blob } from '../blobs.ts';
import { newId, noon } from './sample-task.ts';
import type { CreateFixture } from './store-fixture.ts';

const sampleBlob = (changes: Partial<Blob> = {}): Blob => ({
  id: newId(),
  taskId: newId(),
  parts: 3,
  contentType: 'application/json',
  contentEncoding: 'zstd',
  bytes: 1_000_000,
  sha256: createHash('sha256').update('').digest('hex'),
  expiresAt: noon,
  ...changes,
});

export function blobsContract(create: CreateFixture): void {
  describe('blobs', () => {
    it('keep their parts to the last byte, whatever the order they come in', async () => {
      await using fixture = await create();
      const { store } = fixture;
      const blob = sampleBlob();
      const parts = [randomBytes(512 * 1024), Buffer.from([0, 255, 0, 10, 92]), Buffer.alloc(0)];
      expect(await store.blob(blob.id)).toBeNull();
      for (const number of [2, 0, 1]) await store.putBlobPart(blob, number, parts[number] ?? Buffer.alloc(0));
      expect(await store.blob(blob.id)).toEqual({ ...blob, kept: 3 });
      for (const [number, part] of parts.entries()) {
        const found = await store.blobPart(blob.id, number);
        expect.assert(found !== null && part.equals(found), `part ${number}`);
      }
      expect(await store.blobPart(blob.id, 3)).toBeNull();
      expect(await store.blobPart(newId(), 0)).toBeNull();
    });

    it('keep the first of two equal parts, also of two that come together', async () => {
      await using fixture = await create();
      const { store } = fixture;
      const blob = sampleBlob();
      await store.putBlobPart(blob, 1, Buffer.from('first'));
      await Promise.all([1, 1, 0, 0].map((part) => store.putBlobPart(blob, part, Buffer.from('again'))));
      expect(await store.blob(blob.id)).toMatchObject({ kept: 2 });
      expect(Buffer.from((await store.blobPart(blob.id, 1)) ?? []).toString()).toBe('first');
    });

    it('are forgotten once they have expired, in portions, the oldest first, whole or not', async () => {
      await using fixture = await create();
      const { store } = fixture;
      const [old, older, kept] = [
        sampleBlob({ expiresAt: noon }),
        sampleBlob({ expiresAt: noon - 1, parts: 100 }),
        sampleBlob({ expiresAt: noon + 1 }),
      ] as const;
      for (const blob of [old, older, kept]) {
        for (const part of [0, 1]) await store.putBlobPart(blob, part, Buffer.from('x'));
      }
      expect(await store.forgetBlobParts({ expiredBy: noon, limit: 3 })).toBe(3);
      expect(await store.blob(older.id)).toBeNull();
      expect(await store.blob(old.id)).toMatchObject({ kept: 1 });
      expect(await store.forgetBlobParts({ expiredBy: noon, limit: 3 })).toBe(1);
      expect(await store.forgetBlobParts({ expiredBy: noon, limit: 3 })).toBe(0);
      expect(await store.blob(old.id)).toBeNull();
      expect(await store.blob(kept.id)).toMatchObject({ kept: 2 });
    });
  });
}
