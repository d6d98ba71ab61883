import { sharedNow } from './clock.ts';

/** What the measuring process tells a driver: run, and how many results it has seen since the run began. */
export type ToDriver =
  | {
      readonly kind: 'run';
      readonly tasks: number;
      /** Sent and without their result, at most. Without `paced`: sent and not accepted, at most. */
      readonly outstanding: number;
      readonly paced: boolean;
      /** Tasks that stand in the backlog for long need more time than the defaults give them. */
      readonly patient: boolean;
    }
  | { readonly kind: 'seen'; readonly seen: number };

export type FromDriver =
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'done';
      readonly startedAt: number;
      readonly acceptedAt: number;
      /** When each task was sent, on the shared clock; only of runs that have one outstanding. */
      readonly sentAt: readonly number[];
    }
  | { readonly kind: 'failed'; readonly message: string };

/**
 * The loop of both drivers, the floor's producer and Tenma's client: sends as many tasks as it is told to, never more
 * than `outstanding` beyond the results that the measuring process has seen.
 * @param send resolves when the task is accepted
 */
export function serveDriver(send: (patient: boolean) => Promise<unknown>): void {
  let order: Extract<ToDriver, { kind: 'run' }> | undefined;
  let sent = 0;
  let accepted = 0;
  let seen = 0;
  let startedAt = 0;
  let sentAt: number[] = [];

  function tell(message: FromDriver): void {
    process.send?.(message);
  }

  function fail(error: unknown): void {
    order = undefined;
    tell({ kind: 'failed', message: error instanceof Error ? String(error.stack) : String(error) });
  }

  function onAccepted(): void {
    accepted += 1;
    if (!order) return;
    if (accepted === order.tasks) {
      order = undefined;
      tell({ kind: 'done', startedAt, acceptedAt: sharedNow(), sentAt });
    } else if (!order.paced) pump();
  }

  function pump(): void {
    while (order && sent < order.tasks && sent - (order.paced ? seen : accepted) < order.outstanding) {
      sent += 1;
      if (order.outstanding === 1) sentAt.push(sharedNow());
      send(order.patient).then(onAccepted, fail);
    }
  }

  process.on('message', (message: ToDriver) => {
    if (message.kind === 'seen') seen = message.seen;
    else {
      order = message;
      sent = accepted = seen = 0;
      sentAt = [];
      startedAt = sharedNow();
    }
    pump();
  });
  process.once('disconnect', () => process.exit(0));
  tell({ kind: 'ready' });
}
