import { describe, expect, it } from 'vitest';
import { createRota, type Rota } from './rota.ts';

const lane = (limitKey: string) => ({ type: 'echo', region: 'any', limitKey });
const turn = (limitKey: string, urgent = false) => ({ lane: lane(limitKey), urgent });
const drained = (rota: Rota) => {
  const order: string[] = [];
  for (let next = rota.next(); next; next = rota.next()) order.push(next.lane.limitKey);
  return order;
};

describe('the rota', () => {
  it('gives turns as they come, the urgent first, and each lane one', () => {
    const rota = createRota();
    for (const one of [turn('a'), turn('b'), turn('c', true), turn('a'), turn('b', true), turn('b')])
      rota.add(one);
    expect(drained(rota)).toEqual(['c', 'b', 'a']);
  });

  it('recalls those that stand aside in the same order, one for each word', () => {
    const rota = createRota();
    for (const one of [turn('a'), turn('b'), turn('c', true)]) rota.setAside(one, 'limit');
    expect(drained(rota)).toEqual([]);
    rota.recallOne('other');
    rota.recallOne('limit');
    expect(rota.next()).toEqual(turn('c', true));
    rota.recallOne('limit');
    expect(drained(rota)).toEqual(['a']);
    rota.recallAll();
    expect(drained(rota)).toEqual(['b']);
  });

  it('leaves aside what is added again, but for what is urgent only now', () => {
    const rota = createRota();
    rota.setAside(turn('a'), 'limit');
    rota.add(turn('a'));
    expect(drained(rota)).toEqual([]);
    rota.add(turn('a', true));
    expect(rota.next()).toEqual(turn('a', true));
    rota.setAside(turn('a', true), 'limit');
    rota.add(turn('a', true));
    expect(drained(rota)).toEqual([]);
    rota.recall(lane('a'));
    expect(drained(rota)).toEqual(['a']);
  });
});
