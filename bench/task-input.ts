import { createHash } from 'node:crypto';

/** An object whose JSON text has exactly 1,024 bytes that do not repeat; the same in every process. */
export function kibibyteInput(): { data: string } {
  const frame = JSON.stringify({ data: '' }).length;
  const text = createHash('shake256', { outputLength: 1024 }).update('tenma').digest('base64url');
  return { data: text.slice(0, 1024 - frame) };
}
