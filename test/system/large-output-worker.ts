import { createCipheriv } from 'node:crypto';
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { defineWorker } from '@tenma/worker';
import { z } from 'zod';

export interface Wanted {
  /** Of the text, in UTF-8, but for the last character. */
  readonly bytes: number;
  /** `noise` hardly packs, `words` pack well and are not ASCII. */
  readonly kind: 'noise' | 'words';
  /** Path of a file: the text is made once it is there, so that a test can do something first. */
  readonly once?: string | undefined;
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
  input: z.object({ bytes: z.int().min(1), kind: z.enum(['noise', 'words']), once: z.string().optional() }),
  output: z.object({ text: z.string() }),
  example: { bytes: 1_000_000, kind: 'noise' },
  async run({ input, signal }) {
    while (input.once !== undefined && !existsSync(input.once)) await delay(20, undefined, { signal });
    return { text: madeText(input) };
  },
});

// oxlint-disable-next-line import/no-default-export -- a worker package
export default largeOutputWorker;
