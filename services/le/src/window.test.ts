import { describe, expect, it } from 'vitest';
import { createWindow } from './window.ts';

const options = { minimum: 2, urgentMinimum: 1, maximum: 10, aheadMs: 500 };
const lane = { type: 'echo', region: 'any', limitKey: '' };

describe('the run-ahead window', () => {
  it('has room for the minimum, and gets it back when tasks start', () => {
    const window = createWindow(options);
    window.take(lane, 'a', 0);
    window.take(lane, 'b', 0);
    expect(window.free(lane)).toBe(0);
    expect(window.release('a', 'started')).toMatchObject({ lane, urgent: false });
    expect(window.free(lane)).toBe(1);
    expect(window.release('a', 'started')).toBeUndefined();
  });

  it('counts a task that is sent again once', () => {
    const window = createWindow(options);
    window.take(lane, 'a', 0);
    window.take(lane, 'a', 1);
    expect(window.free(lane)).toBe(1);
  });

  it('grows to half a second of the pace, within its maximum, and shrinks when the pace drops', () => {
    const window = createWindow(options);
    for (let n = 0; n < 40; n += 1) {
      window.take(lane, `task-${n}`, 0);
      window.release(`task-${n}`, 'started');
    }
    window.measure(2_000, 0);
    // 20 a second, half of it in a smoothed first measure: 0.5 s of 10 a second.
    expect(window.free(lane)).toBe(5);
    for (let n = 0; n < 20; n += 1) window.measure(2_000, 0);
    expect(window.free(lane)).toBe(2);
  });

  it('forgets what it never heard of again', () => {
    const window = createWindow(options);
    window.take(lane, 'a', 100);
    window.measure(500, 200);
    expect(window.free(lane)).toBe(2);
  });

  it('keeps lanes apart', () => {
    const window = createWindow(options);
    window.take(lane, 'a', 0);
    expect(window.free({ ...lane, type: 'other' })).toBe(2);
  });

  it('has room for urgent tasks when the others have used up theirs, and the other way round', () => {
    const window = createWindow(options);
    window.take(lane, 'a', 0);
    window.take(lane, 'b', 0);
    expect(window.free(lane, true)).toBe(1);
    window.take(lane, 'c', 0, true);
    expect(window.free(lane, true)).toBe(0);
    expect(window.release('a', 'started')).toMatchObject({ urgent: false });
    expect([window.free(lane), window.free(lane, true)]).toEqual([1, 0]);
    expect(window.release('c', 'returned')).toMatchObject({ lane, urgent: true });
    expect(window.free(lane, true)).toBe(1);
  });
});
