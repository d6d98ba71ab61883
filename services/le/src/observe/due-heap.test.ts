import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createDueHeap, type HeapItem } from './due-heap.ts';

test('a heap always gives the item that is due first, whatever was added and removed before', () => {
  const change = fc.record({ at: fc.nat(50), remove: fc.option(fc.nat(30)) });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
      const heap = createDueHeap<HeapItem>();
      const items: HeapItem[] = [];
      for (const { at, remove } of changes) {
        const [gone] = remove === null ? [] : items.splice(remove, 1);
        if (gone) heap.remove(gone);
        const item = { at, place: -1 };
        heap.add(item);
        items.push(item);
        expect(heap.first?.at).toBe(Math.min(...items.map((one) => one.at)));
      }
      const taken: number[] = [];
      for (let first = heap.first; first; first = heap.first) {
        taken.push(first.at);
        heap.remove(first);
        heap.remove(first);
      }
      expect(taken).toEqual(items.map((one) => one.at).sort((a, b) => a - b));
    }),
  );
});
