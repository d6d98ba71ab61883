import { describe, it } from 'vitest';
import { submitDuring, timeout } from './outage.ts';
import { allSucceeded, canStartStack, startStack } from './stack.ts';

describe.runIf(canStartStack)('an outage of a minute', () => {
  it('of every IC: tasks are accepted, and succeed after it', { timeout }, async () => {
    await using stack = await startStack();
    const { fabric } = stack;
    fabric.le();
    const ic = fabric.ic();
    fabric.wee();
    await fabric.ready();
    await ic.stop('SIGTERM');
    const accepted = await submitDuring(fabric.api, async () => fabric.ic());
    await allSucceeded(fabric.api, accepted, 60_000);
  });
});
