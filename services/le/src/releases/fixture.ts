import { defaultShare, type Presence, type TaskType } from '@tenma/protocol';
import type { ReleaseRecord } from '../documents/kinds.ts';

/** Builders for the tests of releases. */
export const startMs = Date.parse('2026-02-20T10:00:00.000Z');

export function releaseRecord(changes: Partial<ReleaseRecord> = {}): ReleaseRecord {
  return {
    type: 'echo',
    stable: '1.0.0',
    candidate: null,
    share: defaultShare,
    since: new Date(startMs).toISOString(),
    rejected: [],
    hold: false,
    change: 'changed',
    ...changes,
  };
}

export const rejection = (version: string) => ({
  version,
  reason: 'bad',
  at: new Date(startMs).toISOString(),
});

export function taskType(version: string, changes: Partial<TaskType> = {}): TaskType {
  return {
    type: 'echo',
    version,
    description: 'echo',
    input_schema: {},
    output_schema: {},
    timeout_ms: 1_000,
    retry: { max_attempts: 1, initial_ms: 0, factor: 1, cap_ms: 0 },
    cost: 'light',
    ...changes,
  };
}

/** A WEE that has these versions of `echo`. */
export function weeWith(id: string, versions: readonly string[], changes: Partial<Presence> = {}): Presence {
  return {
    wee_id: id,
    boot_id: 'boot-1',
    region: 'here',
    status: 'online',
    labels: [],
    version: '0.0.0',
    since: new Date(startMs).toISOString(),
    pools: [],
    types: versions.map((version) => taskType(version)),
    echo: null,
    ...changes,
  };
}
