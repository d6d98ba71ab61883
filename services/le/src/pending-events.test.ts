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

  it('of urgent tasks are taken before others, alone, but for every other time', () => {
    const pending = createPendingEvents();
    const add = (task_id: string, urgent?: true) =>
      pending.add(finished({ task_id, ...(urgent ? { urgent } : {}) }), nothing);
    const taken = () => [...pending.take(3).keys()];
    for (const task_id of ['a', 'b', 'c']) add(task_id);
    add('now', true);
    expect(taken()).toEqual(['now']);
    add('then', true);
    expect(taken()).toEqual(['then', 'a', 'b']);
    add('next', true);
    expect(taken()).toEqual(['next']);
    expect(taken()).toEqual(['c']);
    expect(pending.size).toBe(0);
  });

  it('of others are taken too, however many urgent ones come', () => {
    const pending = createPendingEvents();
    for (let n = 0; n < 100; n += 1) pending.add(finished({ task_id: `usual-${n}` }), nothing);
    let takes = 0;
    for (; pending.has('usual-99'); takes += 1) {
      for (let n = 0; n < 10; n += 1)
        pending.add(finished({ task_id: `${takes}/${n}`, urgent: true }), nothing);
      pending.take(10);
      expect(takes).toBeLessThan(100);
    }
    expect(takes).toBe(40);
  });

  it('of a task that turns out to be urgent go with it, in order, also after a write that failed', () => {
    const pending = createPendingEvents();
    pending.hold(queued({ task_id: 'slow' }), 0);
    pending.hold(queued(), 0);
    pending.release(0);
    pending.add(finished({ urgent: true }), nothing);
    const batch = pending.take(10);
    expect([...batch.keys()]).toEqual([id]);
    pending.putBack(batch);
    expect(pending.size).toBe(2);
    const again = pending.take(10);
    expect([...again.keys()]).toEqual([id, 'slow']);
    expect(again.get(id)?.events.map(({ kind }) => kind)).toEqual(['queued', 'finished']);
  });

  it('are taken in portions, oldest first', () => {
    const pending = createPendingEvents();
    for (const task_id of ['a', 'b', 'c']) pending.add(finished({ task_id }), nothing);
    expect([...pending.take(2).keys()]).toEqual(['a', 'b']);
    expect([...pending.take(2).keys()]).toEqual(['c']);
  });
});
