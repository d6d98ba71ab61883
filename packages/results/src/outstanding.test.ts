import { manualClock } from '@tenma/runtime';
import { describe, expect, test } from 'vitest';
import { createOutstanding } from './outstanding.ts';
import { ResultsUnavailableError } from './results.ts';

function setUp(window: number) {
  const clock = manualClock();
  const outstanding = createOutstanding({ clock }, { window });
  const settles: ((error?: Error) => void)[] = [];
  const ended: string[] = [];
  const run = (name: string, timeoutMs = 1_000) =>
    outstanding
      .run(timeoutMs, (settle) => settles.push(settle))
      .then(
        () => void ended.push(`${name} done`),
        (error: Error) =>
          void ended.push(`${name} ${error instanceof ResultsUnavailableError ? 'unavailable' : 'failed'}`),
      );
  return { clock, outstanding, settles, ended, run };
}

describe('outstanding announcements', () => {
  test('settle when the broker answers, in whatever order', async () => {
    const { settles, ended, run } = setUp(10);
    const all = [run('a'), run('b')];
    settles[1]?.();
    settles[0]?.(new Error('no'));
    await Promise.all(all);
    expect(ended).toEqual(['b done', 'a failed']);
  });

  test('wait for a place when the window is full', async () => {
    const { settles, ended, run, outstanding } = setUp(1);
    const all = [run('a'), run('b')];
    expect(settles).toHaveLength(1);
    settles[0]?.();
    expect(settles).toHaveLength(2);
    settles[1]?.();
    await Promise.all([...all, outstanding.finish(1_000)]);
    expect(ended).toEqual(['a done', 'b done']);
  });

  test('time out, counting from the call, and keep their place with the broker until it answers', async () => {
    const { clock, settles, ended, run } = setUp(1);
    const all = [run('a', 500), run('b', 500)];
    await clock.advance(700);
    await Promise.all(all);
    expect(ended).toEqual(['b unavailable', 'a unavailable']);
    const later = run('c');
    expect(settles).toHaveLength(1);
    settles[0]?.();
    settles[1]?.();
    await later;
    expect(ended.at(-1)).toBe('c done');
  });

  test('reject all at once when the connection goes, and a late answer is ignored', async () => {
    const { settles, ended, run, outstanding } = setUp(1);
    const all = [run('a'), run('b')];
    outstanding.failAll(new ResultsUnavailableError('gone'));
    settles[0]?.();
    await Promise.all([...all, outstanding.finish(1_000)]);
    expect(ended).toEqual(['a unavailable', 'b unavailable']);
  });

  test('get a grace to settle when all is to finish', async () => {
    const { clock, settles, ended, run, outstanding } = setUp(1);
    const all = [run('a'), run('b')];
    const finished = outstanding.finish(300);
    settles[0]?.();
    await clock.advance(300);
    await Promise.all([...all, finished]);
    expect(ended).toEqual(['a done', 'b unavailable']);
  });
});
