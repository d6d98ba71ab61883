import { unlink } from 'node:fs/promises';
import type { OutputFile } from '@tenma/worker/messages';

/** Removes an output whose attempt nobody waits for any more. One that is gone already is no fault. */
export function discardOutput({ path }: OutputFile): void {
  unlink(path).catch(() => undefined);
}
