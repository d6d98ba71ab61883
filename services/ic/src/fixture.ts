import type { Dispatch } from '@tenma/protocol';

/** An echo for the active region, sent for the first time. */
export function dispatchForTest(changes: Partial<Dispatch> = {}): Dispatch {
  return {
    id: '01990b4c-6f2a-7cc3-9d5e-0f6d2f1a7b10',
    type: 'echo',
    input: null,
    region: 'active',
    priority: 5,
    requires: {},
    dispatch_no: 1,
    attempt: 1,
    max_attempts: 5,
    crashes: 0,
    revision: 1,
    timeout_ms: 1_000,
    not_after: 0,
    idempotency_key: 'key',
    ...changes,
  };
}
