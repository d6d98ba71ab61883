import { createCipheriv } from 'node:crypto';
import { defineWorker } from '@tenma/worker';
import { z } from 'zod';

export interface Wanted {
  /** Of the text, in UTF-8, but for the last character. */
  readonly bytes: number;
  /** `noise` hardly packs, `words` pack well and are not ASCII. */
  readonly kind: 'noise' | 'words';
}

const words = 'Größe, 大きな出力, ёмкость, 🌍 … ';

/** The same for everybody who asks, so that a test knows it without being told. */
export function madeText({ bytes, kind }: Wanted): string {
  if (kind === 'words') return words.repeat(Math.ceil(bytes / Buffer.byteLength(words)));
  const key = Buffer.alloc(16, bytes % 251);
  const noise = createCipheriv('aes-128-ctr', key, key).update(Buffer.alloc(Math.ceil((bytes * 3) / 4)));
  return noise.toString('base64');
}

const largeOutputWorker = defineWorker({
  type: 'large-output',
  version: '1.0.0',
  description: 'Returns a text of `bytes` bytes.',
  input: z.object({ bytes: z.int().min(1), kind: z.enum(['noise', 'words']) }),
  output: z.object({ text: z.string() }),
  example: { bytes: 1_000_000, kind: 'noise' },
  run: ({ input }) => ({ text: madeText(input) }),
});

// oxlint-disable-next-line import/no-default-export -- a worker package
export default largeOutputWorker;
