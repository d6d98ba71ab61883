import { until } from '@tenma/test-support';
import { describe, expect, it } from 'vitest';
import { openFabric } from './limits/fixtures/dispatching.ts';

const times = <T>(count: number, make: (n: number) => T): T[] =>
  Array.from({ length: count }, (_, n) => make(n));

describe('the dispatcher', () => {
  it('claims a backlog by priority, the highest first', async () => {
    await using fabric = await openFabric();
    fabric.active = false;
    const replica = fabric.replica({ holdsLease: true });
    const priorities = [3, 9, 0, 5, 7, 1, 8, 2, 6, 4];
    await replica.submit(priorities.map((priority) => ({ priority })));
    fabric.active = true;
    await until(() => fabric.sent.length === 10, { what: 'all to be sent' });
    expect(fabric.sent.map(({ priority }) => priority)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
  });

  it('sends urgent tasks straight while thousands of others wait', async () => {
    await using fabric = await openFabric();
    const replica = fabric.replica({ holdsLease: true });
    await replica.submit(times(2_500, () => ({ priority: 1 })));
    await until(() => fabric.sent.length === 2_000, { what: 'a window of them' });
    const urgent = await replica.submit(times(100, () => ({ priority: 9 })));
    expect(urgent.map(({ life }) => life.dispatchNo)).toEqual(times(100, () => 1));
    const usual = await replica.submit([{ priority: 5 }]);
    expect(usual[0]?.life.dispatchNo).toBe(0);
    await until(() => fabric.sent.length === 2_100, { what: 'the urgent ones' });
    expect(fabric.sent.slice(2_000).every(({ priority }) => priority === 9)).toBe(true);
  });

  it('keeps urgent tasks beyond their window in the store, and claims them before all others', async () => {
    await using fabric = await openFabric();
    const replica = fabric.replica({ holdsLease: true });
    await replica.submit(times(2_200, () => ({ priority: 1 })));
    await until(() => fabric.sent.length === 2_000, { what: 'a window of them' });
    await replica.submit(times(600, () => ({ priority: 8 })));
    await until(() => fabric.sent.length === 2_500, { what: 'a window of urgent ones' });
    await replica.finish(fabric.sent.slice(2_000));
    await until(() => fabric.sent.length === 2_600, { what: 'the other urgent ones' });
    expect(fabric.sent.slice(2_000).every(({ priority }) => priority === 8)).toBe(true);
    await replica.finish(fabric.sent.slice(0, 2_000));
    await until(() => fabric.sent.length === 2_800, { what: 'the rest' });
  });
});
