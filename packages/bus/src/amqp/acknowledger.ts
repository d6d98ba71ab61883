import type { Channel, Message } from 'amqplib';

/** Answers the deliveries of one channel, and counts the unanswered. */
export interface Acknowledger {
  readonly unanswered: number;
  /** To be called for every delivery as it arrives. */
  delivered(tag: number): void;
  /** Acks of one turn of the event loop leave together. */
  ack(tag: number): void;
  requeue(tag: number): void;
  /** Sends the acks that wait. */
  flush(): void;
}

/**
 * AMQP can ack "everything up to this tag" in one frame. The tag named must itself be unanswered, and the frame covers
 * whatever is below it: so acks below the oldest unanswered delivery travel as one frame, those above it one by one.
 */
export function createAcknowledger(channel: Channel): Acknowledger {
  /** In the order of arrival, which is the order of the tags. */
  const unanswered = new Set<number>();
  let acks: number[] = [];
  let scheduled = false;

  function flush(): void {
    scheduled = false;
    const tags = acks;
    acks = [];
    const oldest = unanswered.values().next().value ?? Infinity;
    let upTo = 0;
    for (const tag of tags) {
      if (tag > oldest) send(() => channel.ack(withTag(tag), false));
      else if (tag > upTo) upTo = tag;
    }
    if (upTo > 0) send(() => channel.ack(withTag(upTo), true));
  }

  return {
    get unanswered() {
      return unanswered.size;
    },
    delivered: (tag) => void unanswered.add(tag),
    ack(tag) {
      if (!unanswered.delete(tag)) return;
      acks.push(tag);
      if (scheduled) return;
      scheduled = true;
      setImmediate(flush);
    },
    requeue(tag) {
      if (unanswered.delete(tag)) send(() => channel.nack(withTag(tag), false, true));
    },
    flush,
  };
}

/** A dead channel throws; its deliveries went back to the queue with it, so a late answer means nothing. */
function send(answer: () => void): void {
  try {
    answer();
  } catch {
    // See above.
  }
}

/** amqplib reads nothing but the tag of the message it is given. */
function withTag(deliveryTag: number): Message {
  return { fields: { deliveryTag } } as Message;
}
