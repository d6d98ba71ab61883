import { setImmediate } from 'node:timers/promises';
import type { Aedes, AedesPublishPacket } from 'aedes';
import { matchesFilter } from '../topic.ts';

interface Announcement {
  readonly topic: string;
  readonly payload: string;
  readonly qos: 0 | 1;
  readonly retain: boolean;
  /** Called when it has been handed to every subscriber in this process and is on its way to those outside. */
  readonly left: () => void;
  /** Called when it has been written to every connection outside as well, or the connection was given up. */
  readonly done: (error?: Error) => void;
}

type Listener = (topic: string, payload: Buffer | string, retained: boolean) => void;

/** The one way into the broker, for everything that this process announces. */
export interface Distribution {
  announce(announcement: Announcement): void;
  /** Calls with what is retained, before it returns, then with what comes. */
  subscribe(filter: string, listener: Listener): Disposable;
}

/** So many announcements in a row before sockets have their turn. */
const burst = 100;

/**
 * Announcements enter aedes one after another. Handed over at once they would overtake each other (QoS 1 and retained
 * ones pass through promises, QoS 0 does not) and aedes would drop the overtaken ones to outside subscribers as
 * duplicates, because it tells duplicates by a counter that may only grow (`dedupe` in its lib/client.js).
 */
export function createDistribution(broker: Aedes): Distribution {
  const emit = createEmission(broker);
  const retained = new Map<string, string>();
  let queue: Announcement[] = [];
  let running = false;

  function onEmitted({ topic, payload, retain, left }: Announcement): void {
    if (retain && payload === '') retained.delete(topic);
    else if (retain) retained.set(topic, payload);
    left();
  }

  async function run(): Promise<void> {
    running = true;
    for (let sent = 0; queue.length > 0; ) {
      const batch = queue;
      queue = [];
      for (const announcement of batch) {
        await emit(announcement, onEmitted);
        sent += 1;
        if (sent % burst === 0) await setImmediate();
      }
    }
    running = false;
  }

  return {
    announce(announcement) {
      queue.push(announcement);
      if (!running) void run();
    },
    subscribe(filter, listener) {
      for (const [topic, payload] of retained) {
        if (matchesFilter(filter, topic)) listener(topic, payload, true);
      }
      return subscribeLive(broker, filter, listener);
    },
  };
}

/**
 * Publishes; `onEmitted` is called, and the promise resolved, at the moment at which the message goes to its subscribers.
 * One at a time only.
 */
function createEmission(
  broker: Aedes,
): (announcement: Announcement, onEmitted: (announcement: Announcement) => void) => Promise<void> {
  let emitted: (() => void) | undefined;
  const listener = (packet: AedesPublishPacket, done: () => void) => {
    if (!packet.topic.startsWith('$')) emitted?.();
    done();
  };
  broker.subscribe('#', listener, () => {});

  return (announcement, onEmitted) =>
    new Promise((resolve) => {
      const { topic, payload, qos, retain, done } = announcement;
      const packet = {
        cmd: 'publish',
        dup: false,
        topic,
        payload: Buffer.from(payload),
        qos,
        retain,
      } as const;
      const mine = () => {
        if (emitted !== mine) return;
        emitted = undefined;
        onEmitted(announcement);
        resolve();
      };
      emitted = mine;
      broker.publish(packet, (error) => {
        mine();
        done(error ?? undefined);
      });
    });
}

function subscribeLive(broker: Aedes, filter: string, listener: Listener): Disposable {
  const wildcardFirst = filter.startsWith('+') || filter.startsWith('#');
  let live = true;
  const deliver = (packet: AedesPublishPacket, done: () => void) => {
    if (live && !(wildcardFirst && packet.topic.startsWith('$')))
      listener(packet.topic, packet.payload, false);
    done();
  };
  broker.subscribe(filter, deliver, () => {});
  return {
    [Symbol.dispose]() {
      if (!live) return;
      live = false;
      broker.unsubscribe(filter, deliver, () => {});
    },
  };
}
