import { describe, expect, it } from 'vitest';
import { createSeats, type Seat } from './seats.ts';

/** Asks for seats and notes who got one, in order. */
function setUp(size: number) {
  const seats = createSeats(() => size);
  const seated: string[] = [];
  async function ask(name: string, slots: number, priority = 5): Promise<Seat> {
    const seat = await seats.acquire(slots, priority);
    seated.push(name);
    return seat;
  }
  return { seats, seated, ask };
}

describe('seats', () => {
  it('are given as long as there are slots, and again when one leaves', async () => {
    const { seats, seated, ask } = setUp(20);
    const first = await ask('first', 10);
    await ask('second', 10);
    const third = ask('third', 10);
    expect(seated).toEqual(['first', 'second']);
    first.release();
    first.release();
    await third;
    expect(seats.taken).toBe(20);
  });

  it('go to the highest priority first, then to who came first', async () => {
    const { seated, ask } = setUp(1);
    const holder = await ask('holder', 1);
    const asked = [
      ask('low', 1, 0),
      ask('usual', 1),
      ask('high', 1, 9),
      ask('usual too', 1),
      ask('high too', 1, 9),
    ];
    holder.release();
    for (const seat of asked) void seat.then((each) => each.release());
    await Promise.all(asked);
    expect(seated.slice(1)).toEqual(['high', 'high too', 'usual', 'usual too', 'low']);
  });

  it('are not given past one who needs many', async () => {
    const { seated, ask } = setUp(100);
    const light = await ask('light', 1);
    const heavy = ask('heavy', 100);
    const late = ask('late', 1);
    expect(seated).toEqual(['light']);
    light.release();
    (await heavy).release();
    await late;
    expect(seated).toEqual(['light', 'heavy', 'late']);
  });

  it('are given to who needs more than there are, alone', async () => {
    const { seats, ask } = setUp(8);
    const seat = await ask('heavy', 100);
    expect(seats.taken).toBe(8);
    seat.release();
    expect(seats.taken).toBe(0);
  });
});
