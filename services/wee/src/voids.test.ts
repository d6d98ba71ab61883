import type { Assignment } from '@tenma/protocol';
import { describe, expect, it } from 'vitest';
import { createVoids } from './voids.ts';

const assigned = (region: string, epoch: number, placed = 'tokyo'): Assignment =>
  ({
    region,
    epoch,
    placement: { region: placed, pool: 'echo-v1', score: 0, rejected: [] },
  }) as unknown as Assignment;

describe('assignments made void', () => {
  const voids = createVoids();
  voids.add({ kind: 'void', region: 'tokyo', epoch: 3 });
  voids.add({ kind: 'void', region: 'tokyo', epoch: 2 });

  it('are those for `active` under a lower epoch, wherever they stand', () => {
    expect(voids.cover(assigned('active', 2))).toBe(true);
    expect(voids.cover(assigned('active', 2, 'dublin'))).toBe(true);
    expect(voids.cover(assigned('active', 3))).toBe(false);
  });

  it('are those for `any` that stand in the region that was left', () => {
    expect(voids.cover(assigned('any', 2))).toBe(true);
    expect(voids.cover(assigned('any', 2, 'dublin'))).toBe(false);
    expect(voids.cover(assigned('any', 3))).toBe(false);
  });

  it('are never those for one region', () => {
    expect(voids.cover(assigned('tokyo', 1))).toBe(false);
  });
});
