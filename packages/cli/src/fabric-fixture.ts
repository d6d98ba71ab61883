import type { PoolPresence, Presence, TaskType } from '@tenma/protocol';

/** Builders for the tests of what shows a fabric. */
export function aType(type: string, parts: Partial<TaskType> = {}): TaskType {
  return {
    type,
    version: '1.0.0',
    description: 'Does what it says.',
    input_schema: {},
    output_schema: {},
    timeout_ms: 1_000,
    retry: { max_attempts: 1, initial_ms: 0, factor: 1, cap_ms: 0 },
    cost: 'light',
    ...parts,
  };
}

/** Nothing runs in it. */
export function aPool(parts: Partial<PoolPresence> = {}): PoolPresence {
  return {
    pool: 'echo-v1',
    type: 'echo',
    version: '1.0.0',
    labels: [],
    queue: 'q',
    slots: 4,
    running: 0,
    held: 0,
    ...parts,
  };
}

/** It serves the pool above. */
export function aWee(parts: Partial<Presence> = {}): Presence {
  return {
    wee_id: 'wee-1',
    boot_id: 'b',
    region: 'tokyo',
    status: 'online',
    labels: [],
    version: '0.1.0',
    since: '2026-11-21T00:00:00.000Z',
    pools: [aPool()],
    types: [],
    echo: null,
    ...parts,
  };
}
