import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createInOrder } from './in-order.ts';

it('ends steps in the order of their calls, whichever of them take time', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom('at once', 'later'), { maxLength: 30 }), async (kinds) => {
      const inOrder = createInOrder();
      const ended: number[] = [];
      for (const [n, kind] of kinds.entries()) {
        inOrder.add(() => {
          if (kind === 'at once') return void ended.push(n);
          return new Promise((resolve) =>
            setImmediate(() => {
              ended.push(n);
              resolve();
            }),
          );
        });
      }
      await inOrder.idle();
      expect(ended).toEqual(kinds.map((_, n) => n));
      expect(inOrder.busy).toBe(false);
    }),
    { numRuns: 30 },
  );
});

it('runs a step within the call when none is under way', () => {
  const inOrder = createInOrder();
  let ran = false;
  inOrder.add(() => {
    ran = true;
  });
  expect(ran).toBe(true);
  expect(inOrder.busy).toBe(false);
});
