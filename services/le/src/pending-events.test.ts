import { describe, expect, it } from 'vitest';
import { finished, queued } from './lifecycle/fixture.ts';
import { createPendingEvents } from './pending-events.ts';

const id = queued().task_id;
const nothing = () => undefined;

describe('pending events', () => {
  it('hold back a queued until other news of the task comes, and write both at once', () => {
    const pending = createPendingEvents();
    pending.hold(queued(), 0);
    expect(pending.size).toBe(0);
    expect(pending.has(id)).toBe(true);
    pending.add(finished(), nothing);
    expect(
      pending
        .take(10)
        .get(id)
        ?.events.map(({ kind }) => kind),
    ).toEqual(['queued', 'finished']);
    expect(pending.has(id)).toBe(false);
  });

  it('let a queued go when it has been held back long enough', () => {
    const pending = createPendingEvents();
    pending.hold(queued(), 100);
    pending.release(99);
    expect(pending.size).toBe(0);
    pending.release(100);
    expect(pending.take(10).get(id)?.events).toHaveLength(1);
  });

  it('put what could not be written before what has come since', () => {
    const pending = createPendingEvents();
    pending.add(queued(), nothing);
    const batch = pending.take(10);
    pending.add(finished(), nothing);
    pending.putBack(batch);
    expect(
      pending
        .take(10)
        .get(id)
        ?.events.map(({ kind }) => kind),
    ).toEqual(['queued', 'finished']);
  });

  it('are taken in portions, oldest first', () => {
    const pending = createPendingEvents();
    for (const task_id of ['a', 'b', 'c']) pending.add(finished({ task_id }), nothing);
    expect([...pending.take(2).keys()]).toEqual(['a', 'b']);
    expect([...pending.take(2).keys()]).toEqual(['c']);
  });
});
