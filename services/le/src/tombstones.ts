import type { Bus } from '@tenma/bus';
import { type CancelMessage, exchanges } from '@tenma/protocol';
import { createRecentMap, type Log } from '@tenma/runtime';
import type { Changed } from './ledger.ts';

/** Tells every WEE which dispatches it must not start, or must abort; again to every WEE that appears later. */
export interface Tombstones {
  onChange(changes: readonly Changed[]): void;
  /** A WEE has appeared that may have missed them. */
  repeat(): void;
}

const kept = 10_000;
const perMessage = 500;

export function createTombstones({ bus, log }: { bus: Bus; log: Log }): Tombstones {
  const buried = createRecentMap<number>(kept);

  function tell(tasks: CancelMessage['tasks']): void {
    for (let start = 0; start < tasks.length; start += perMessage) {
      const message: CancelMessage = { kind: 'cancel', tasks: tasks.slice(start, start + perMessage) };
      bus
        .broadcast(exchanges.control, message)
        .catch((error: unknown) => log.debug({ err: error }, 'not broadcast'));
    }
  }

  return {
    onChange(changes) {
      const fresh: CancelMessage['tasks'] = [];
      for (const { before, after } of changes) {
        const dispatchNo = superseded(before, after);
        if (dispatchNo === null) continue;
        buried.set(after.spec.id, dispatchNo);
        fresh.push({ task_id: after.spec.id, dispatch_no: dispatchNo });
      }
      if (fresh.length > 0) tell(fresh);
    },
    repeat() {
      tell([...buried.entries()].map(([task_id, dispatch_no]) => ({ task_id, dispatch_no })));
    },
  };
}

/**
 * The dispatch that nobody may start or go on with any more: LE has ended the task, wants it ended, or has taken the
 * dispatch away and sends another. Null when there is none, or when a WEE itself has told of its end.
 */
function superseded({ life: was }: Changed['before'], { life }: Changed['after']): number | null {
  if (was.dispatchNo === 0 || was.finishedAt !== null) return null;
  const asked = life.cancelRequested && !was.cancelRequested;
  const ended = (life.state === 'cancelled' || life.state === 'expired') && !was.cancelRequested;
  const lost = was.state === 'running' && life.error?.code === 'worker_lost' && life.state !== 'running';
  const passedOver = was.state === 'queued' && life.state === 'waiting';
  return asked || ended || lost || passedOver ? was.dispatchNo : null;
}
