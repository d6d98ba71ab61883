import { type TaskError, taskError } from '@tenma/protocol';
import type { HostEvent } from '@tenma/worker/messages';
import type { Attempt } from './attempt.ts';
import type { Member } from './interfaces.ts';

/**
 * Where the suspects of a crash run again, each in a process of its own, so that the one who did it is known. That
 * process serves no other, as an attempt may leave behind what kills it later.
 */
export interface SoloLanes {
  add(attempt: Attempt): void;
  close(): void;
}

export interface SoloLanesOptions {
  /** Suspects under test at once. */
  readonly lanes: number;
  readonly take: () => Promise<Member>;
  /** The process is ready and gets the attempt. */
  readonly onStart: (attempt: Attempt, member: Member) => void;
  readonly onEvent: (attempt: Attempt, event: HostEvent) => void;
  /** The process died with the attempt inside, or there was none to be had. */
  readonly onDeath: (attempt: Attempt, error: TaskError) => void;
  /** False once the attempt has ended otherwise, such as by being cancelled. */
  readonly isOpen: (attempt: Attempt) => boolean;
}

export function createSoloLanes(options: SoloLanesOptions): SoloLanes {
  const { lanes, take, onStart, onEvent, onDeath, isOpen } = options;
  const waiting = new Set<Attempt>();
  const members = new Set<Member>();
  let busyLanes = 0;
  let closed = false;

  async function runAlone(attempt: Attempt, member: Member): Promise<void> {
    const survived = new Promise<void>((resolve) => {
      onStart(attempt, member);
      member.run({ ...attempt.request.run, run_id: attempt.runId }, (event) => {
        onEvent(attempt, event);
        if (event.kind === 'succeeded' || event.kind === 'failed') resolve();
      });
    });
    const died = member.gone.then(({ error }) => {
      if (isOpen(attempt)) onDeath(attempt, error);
    });
    await Promise.race([survived, died]);
  }

  async function lane(): Promise<void> {
    for (const attempt of waiting) {
      waiting.delete(attempt);
      if (isOpen(attempt)) await tryOne(attempt);
    }
    busyLanes -= 1;
  }

  async function tryOne(attempt: Attempt): Promise<void> {
    try {
      const member = await taken();
      if (isOpen(attempt)) await runAlone(attempt, member);
      member.kill();
    } catch (error) {
      onDeath(attempt, taskError('worker_crashed', `no process could be started: ${String(error)}`));
    }
  }

  async function taken(): Promise<Member> {
    const member = await take();
    members.add(member);
    void member.gone.then(() => members.delete(member));
    if (closed) member.kill();
    return member;
  }

  return {
    add(attempt) {
      waiting.add(attempt);
      if (busyLanes === lanes) return;
      busyLanes += 1;
      void lane();
    },
    close() {
      closed = true;
      waiting.clear();
      for (const member of members) member.kill();
    },
  };
}
