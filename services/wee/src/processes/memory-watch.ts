import { readFileSync } from 'node:fs';
import { type Clock, every } from '@tenma/runtime';
import type { StartedMember } from './member.ts';

/**
 * Bounds all the memory of worker processes: the limit of V8 is for its heap alone, and buffers are outside it. Looks at
 * what the kernel says is resident, so it works on Linux only; elsewhere the bound of the heap is the only one.
 */
export interface MemoryWatch extends Disposable {
  /** Kills the process once it has more than the limit; until it is gone. */
  add(member: StartedMember): void;
}

/** A process that fills memory as fast as it can gets some hundred MiB further in this time. */
const periodMs = 100;

export function watchMemory(clock: Clock, limitMb: number): MemoryWatch {
  const members = new Set<StartedMember>();
  const timer = every(clock, periodMs, () => {
    for (const member of members) {
      if (residentMb(member.pid) > limitMb) member.kill(`used more than ${limitMb} MiB of memory`);
    }
  });
  return {
    add(member) {
      if (process.platform !== 'linux' || member.pid === undefined) return;
      members.add(member);
      void member.gone.then(() => members.delete(member));
    },
    [Symbol.dispose]: () => timer[Symbol.dispose](),
  };
}

/** 0 for a process that has ended. */
function residentMb(pid: number | undefined): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}
