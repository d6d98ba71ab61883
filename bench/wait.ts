import { setTimeout as pause } from 'node:timers/promises';
import type { NodeProcess } from './child-process.ts';

export interface WaitOptions {
  readonly timeoutMs: number;
  readonly what: string;
  /** Without which waiting is in vain. */
  readonly processes: readonly NodeProcess[];
  readonly everyMs?: number;
}

/** Polls until `condition` holds. @throws after `timeoutMs`, or when one of the processes ends */
export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  { timeoutMs, what, processes, everyMs = 20 }: WaitOptions,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  const ends = processes.map((each) => each.unexpectedEnd);
  while (!(await Promise.race([condition(), ...ends]))) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await Promise.race([pause(everyMs), ...ends]);
  }
}
