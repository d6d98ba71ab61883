import type { Bus } from '@tenma/bus';
import { type ControlMessage, exchanges } from '@tenma/protocol';
import type { Log } from '@tenma/runtime';
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
  const buried = new Map<string, number>();

  function tell(tasks: ControlMessage['tasks']): void {
    for (let start = 0; start < tasks.length; start += perMessage) {
      const message: ControlMessage = { kind: 'cancel', tasks: tasks.slice(start, start + perMessage) };
      bus
        .broadcast(exchanges.control, message)
        .catch((error: unknown) => log.debug({ err: error }, 'not broadcast'));
    }
  }

  return {
    onChange(changes) {
      const fresh: ControlMessage['tasks'] = [];
      for (const { before, after } of changes) {
        if (!needsTombstone(before, after)) continue;
        buried.set(after.spec.id, after.life.dispatchNo);
        fresh.push({ task_id: after.spec.id, dispatch_no: after.life.dispatchNo });
        const oldest = buried.keys().next();
        if (buried.size > kept && !oldest.done) buried.delete(oldest.value);
      }
      if (fresh.length > 0) tell(fresh);
    },
    repeat() {
      tell([...buried].map(([task_id, dispatch_no]) => ({ task_id, dispatch_no })));
    },
  };
}

/** LE ended it, or wants it ended, while a dispatch of it may still be on its way or running. */
function needsTombstone({ life: was }: Changed['before'], { life }: Changed['after']): boolean {
  if (life.dispatchNo === 0) return false;
  if (life.cancelRequested && !was.cancelRequested) return true;
  return (
    (life.state === 'cancelled' || life.state === 'expired') &&
    was.finishedAt === null &&
    !was.cancelRequested
  );
}
