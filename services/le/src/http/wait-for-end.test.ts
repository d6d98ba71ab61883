import { describe, expect, it } from 'vitest';
import { createFakes, type Fakes, endedTask, runningTask, storeAway, taskId } from './fixture.ts';
import { waitForEnd } from './wait-for-end.ts';

function waiting(fakes: Fakes, waitMs: number, closing = new AbortController().signal) {
  return waitForEnd({ ...fakes.components, closing }, taskId, waitMs);
}

describe('waiting for the end of a task', () => {
  it('answers at once without a wait, and for a task that has ended or is none', async () => {
    const fakes = createFakes();
    expect(await waiting(fakes, 0)).toBe(runningTask);
    fakes.task = endedTask;
    expect(await waiting(fakes, 60_000)).toBe(endedTask);
    fakes.task = null;
    expect(await waiting(fakes, 60_000)).toBeNull();
  });

  it('hears of the end, whoever made it', async () => {
    for (const tell of ['changed', 'changedElsewhere'] as const) {
      const fakes = createFakes();
      const wait = waiting(fakes, 60_000);
      await fakes.clock.advance(1);
      fakes.task = endedTask;
      if (tell === 'changed') fakes.watch.changed([{ before: runningTask, after: endedTask }]);
      else fakes.watch.changedElsewhere([taskId]);
      expect(await wait).toBe(endedTask);
      expect(fakes.watching.size).toBe(0);
    }
  });

  it('finds an end that nobody told it of', async () => {
    const fakes = createFakes();
    const wait = waiting(fakes, 60_000);
    await fakes.clock.advance(1);
    fakes.task = endedTask;
    await fakes.clock.advance(5_000);
    expect(await wait).toBe(endedTask);
  });

  it('shows the task as it is when the patience ends, or the app closes', async () => {
    const fakes = createFakes();
    const impatient = waiting(fakes, 7_000);
    await fakes.clock.advance(7_000);
    expect(await impatient).toBe(runningTask);
    const closing = new AbortController();
    const closed = waiting(fakes, 60_000, closing.signal);
    await fakes.clock.advance(1);
    closing.abort();
    expect(await closed).toBe(runningTask);
    expect(fakes.watching.size).toBe(0);
  });

  it('outlasts a store that is away, and says so only at the end', async () => {
    const fakes = createFakes();
    const patient = waiting(fakes, 60_000);
    const impatient = waiting(fakes, 4_000);
    await fakes.clock.advance(1);
    fakes.beforeGet = storeAway;
    fakes.watch.changedElsewhere([taskId]);
    const refused = expect(impatient).rejects.toThrow('the store is away');
    await fakes.clock.advance(4_000);
    await refused;
    fakes.beforeGet = () => {};
    fakes.task = endedTask;
    await fakes.clock.advance(5_000);
    expect(await patient).toBe(endedTask);
  });
});
