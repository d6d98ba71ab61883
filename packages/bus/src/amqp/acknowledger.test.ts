import type { Channel, Message } from 'amqplib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createAcknowledger } from './acknowledger.ts';

/** The rules of the broker: a tag that is not unanswered closes the channel; `allUpTo` covers everything below. */
function strictChannel() {
  const unanswered = new Set<number>();
  const acked = new Set<number>();
  const requeued = new Set<number>();
  let frames = 0;
  function settle(tag: number, into: Set<number>): void {
    if (!unanswered.delete(tag)) throw new Error(`PRECONDITION_FAILED - unknown delivery tag ${tag}`);
    into.add(tag);
  }
  const faults: unknown[] = [];
  const answer = (action: () => void) => {
    frames += 1;
    try {
      action();
    } catch (error) {
      faults.push(error);
    }
  };
  const channel = {
    ack: ({ fields: { deliveryTag } }: Message, allUpTo: boolean) =>
      answer(() => {
        if (allUpTo) for (const tag of unanswered) if (tag < deliveryTag) settle(tag, acked);
        settle(deliveryTag, acked);
      }),
    nack: ({ fields: { deliveryTag } }: Message) => answer(() => settle(deliveryTag, requeued)),
  } as unknown as Channel;
  return { channel, unanswered, acked, requeued, faults, frames: () => frames };
}

test('answers exactly what it was told to, whatever the order', () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.constant({ kind: 'deliver' as const, pick: 0 }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('ack' as const), pick: fc.nat(20) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('requeue' as const), pick: fc.nat(20) }) },
    { weight: 2, arbitrary: fc.constant({ kind: 'flush' as const, pick: 0 }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const broker = strictChannel();
      const answers = createAcknowledger(broker.channel);
      const open: number[] = [];
      const acked = new Set<number>();
      const requeued = new Set<number>();
      let tag = 0;
      for (const { kind, pick } of steps) {
        if (kind === 'deliver') {
          tag += 1;
          open.push(tag);
          broker.unanswered.add(tag);
          answers.delivered(tag);
        } else if (kind === 'flush') answers.flush();
        else {
          const [chosen] = open.splice(pick % Math.max(1, open.length), 1);
          if (chosen === undefined) continue;
          answers[kind](chosen);
          (kind === 'ack' ? acked : requeued).add(chosen);
        }
      }
      answers.flush();
      expect(broker.faults).toEqual([]);
      expect(broker.acked).toEqual(acked);
      expect(broker.requeued).toEqual(requeued);
      expect(answers.unanswered).toBe(open.length);
    }),
  );
});

test('acks what is contiguous in one frame', () => {
  const broker = strictChannel();
  const answers = createAcknowledger(broker.channel);
  for (let tag = 1; tag <= 100; tag += 1) {
    broker.unanswered.add(tag);
    answers.delivered(tag);
    if (tag <= 90) answers.ack(tag);
  }
  answers.flush();
  expect(broker.frames()).toBe(1);
  expect(broker.acked.size).toBe(90);
});

test('ignores a second answer', () => {
  const broker = strictChannel();
  const answers = createAcknowledger(broker.channel);
  broker.unanswered.add(1);
  answers.delivered(1);
  answers.requeue(1);
  answers.ack(1);
  answers.flush();
  expect(broker.faults).toEqual([]);
  expect(broker.frames()).toBe(1);
});
