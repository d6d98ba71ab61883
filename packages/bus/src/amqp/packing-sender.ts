import { createInOrder, type InOrder, pack, type Packed } from '@tenma/runtime';
import { encodeBody } from '../body.ts';
import { packAboveBytes } from './content.ts';
import type { Outgoing, Publisher } from './publisher.ts';

/**
 * Packs bodies and publishes them. A large one takes its time in another thread; meanwhile the later ones for the same
 * queue or exchange wait behind it, and no others.
 */
export interface PackingSender {
  /** @throws as Publisher, and RangeError for a body that is too large */
  send(message: Omit<Outgoing, 'content' | 'contentEncoding'>, body: unknown): Promise<void>;
  /** Resolves when everything has gone to the publisher. */
  idle(): Promise<void>;
}

export interface PackingOptions {
  /** False: all bodies go as they are. */
  readonly packs: boolean;
}

export function createPackingSender(publisher: Publisher, { packs }: PackingOptions): PackingSender {
  /** Where something is being packed. */
  const lanes = new Map<string, InOrder>();

  function keep(place: string, lane: InOrder): void {
    lanes.set(place, lane);
    void lane.idle().then(() => {
      if (!lane.busy && lanes.get(place) === lane) lanes.delete(place);
    });
  }

  return {
    send(message, body) {
      const content = Buffer.from(encodeBody(body));
      if (!packs || (content.length <= packAboveBytes && lanes.size === 0)) {
        return publisher.send({ ...message, content });
      }
      const place = `${message.exchange}\0${message.routingKey}`;
      const lane = lanes.get(place) ?? createInOrder();
      return new Promise((resolve, reject) => {
        const publish = ({ bytes, encoding }: Packed) => {
          const contentEncoding = encoding === 'identity' ? undefined : encoding;
          publisher.send({ ...message, content: bytes, contentEncoding }).then(resolve, reject);
        };
        lane.add(() => {
          const packed = pack(content, { thresholdBytes: packAboveBytes });
          return packed instanceof Promise ? packed.then(publish).catch(reject) : publish(packed);
        });
        if (lane.busy && !lanes.has(place)) keep(place, lane);
      });
    },
    async idle() {
      await Promise.all(Array.from(lanes.values(), (lane) => lane.idle()));
    },
  };
}
