import { until } from '@tenma/test-support';
import { describe, expect, it } from 'vitest';
import { allSucceeded, allTasks, canStartStack, startStack, submitEchoes } from './stack.ts';

const count = 5_000;

describe.runIf(canStartStack)('with LE, two ICs and three WEEs as processes', () => {
  // Starts three servers and six services, and waits for the presence of a killed WEE to be noticed.
  it('loses none of 5,000 tasks when a WEE is killed and an IC restarted among them', {
    timeout: 120_000,
  }, async () => {
    await using stack = await startStack();
    const { fabric, announced } = stack;
    const services = [fabric.le(), fabric.ic(), fabric.wee(), fabric.wee()];
    const ic = fabric.ic();
    const wee = fabric.wee();
    try {
      await fabric.ready();
      const ids = await submitEchoes(fabric.api, 0, 1_500);
      await wee.stop('SIGKILL');
      ids.push(...(await submitEchoes(fabric.api, 1_500, 3_000)));
      await ic.stop('SIGTERM');
      fabric.ic();
      ids.push(...(await submitEchoes(fabric.api, 3_000, count)));
      await allSucceeded(fabric.api, count, 60_000);

      const tasks = await allTasks(fabric.api);
      for (const [n, id] of ids.entries()) expect(tasks.get(id)?.output).toEqual({ n });
      await until(() => announced.size === count, { what: `${count} results on MQTT` });
    } catch (error) {
      for (const service of services)
        process.stderr.write(`--- ${service.name}\n${service.output().slice(-4_000)}\n`);
      throw error;
    }
  });
});
