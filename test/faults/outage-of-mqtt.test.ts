import { silentLog, systemClock } from '@tenma/runtime';
import { createPostgresStore } from '@tenma/store/postgres';
import { until } from '@tenma/test-support';
import { describe, expect, it } from 'vitest';
import { submitDuring, timeout } from './outage.ts';
import { allSucceeded, allTasks, canStartStack, startStack, submitEchoes } from './stack.ts';

/** One more task, whose result a subscriber that is back will see. Answers false: it is not seen yet. */
async function submitOne(api: string): Promise<false> {
  await submitEchoes(api, 0, 1);
  return false;
}

describe.runIf(canStartStack)('an outage of a minute', () => {
  it('of MQTT: tasks succeed meanwhile, and their results are announced after it', { timeout }, async () => {
    await using stack = await startStack();
    const { fabric, mosquitto, postgres, announced } = stack;
    fabric.le();
    fabric.ic();
    fabric.wee();
    await fabric.ready();
    await mosquitto.stop('SIGKILL');
    const accepted = await submitDuring(fabric.api, () => mosquitto.start());
    await allSucceeded(fabric.api, accepted, 60_000);
    const tasks = await allTasks(fabric.api);
    // A subscriber that comes back later than LE has missed what LE announced; that the broker took it is in the store.
    const components = { clock: systemClock(), log: silentLog() };
    await using store = createPostgresStore(components, { url: postgres.url });
    const nothingLeft = () =>
      store.unannounced(1).then(
        ({ length }) => length === 0,
        () => false,
      );
    await until(nothingLeft, { timeoutMs: 20_000, what: 'every end being announced' });
    await until(() => announced.size > 0 || submitOne(fabric.api), {
      timeoutMs: 20_000,
      everyMs: 500,
      what: 'a result on MQTT',
    });
    expect([...tasks.values()].every((task) => task.attempt === 1)).toBe(true);
  });
});
