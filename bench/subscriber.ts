/** Uses mqtt.js directly, which nothing else outside the adapters may: what measures Tenma is not made of it. */
import { Socket } from 'node:net';
import { connectAsync } from 'mqtt';
import { sharedNow } from './clock.ts';

/** What one run has brought so far. */
export interface Tally {
  /** When each different result was seen, on the shared clock, in order. */
  readonly arrivals: readonly number[];
  readonly duplicates: number;
  /** Of all payloads together. */
  readonly bytes: number;
}

/** Counts results as they are seen by a user on MQTT. The same code for Tenma and for the floor. */
export interface Subscriber extends AsyncDisposable {
  /** Counts from zero; `onSeen` gets the count at most once a turn of the event loop. */
  begin(onSeen: (seen: number) => void): Tally;
}

export async function subscribeToResults(mqttUrl: string): Promise<Subscriber> {
  const client = await connectAsync(mqttUrl, { protocolVersion: 5 });
  if (client.stream instanceof Socket) client.stream.setNoDelay(true);
  // Kept over the runs: what arrives once more in a later run is a duplicate there as well.
  const topics = new Set<string>();
  let tally = { arrivals: [] as number[], duplicates: 0, bytes: 0 };
  let onSeen: (seen: number) => void = () => {};
  let scheduled = false;

  client.on('message', (topic, payload) => {
    const known = topics.size;
    topics.add(topic);
    if (topics.size === known) {
      tally.duplicates += 1;
      return;
    }
    tally.arrivals.push(sharedNow());
    tally.bytes += payload.length;
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      onSeen(tally.arrivals.length);
    });
  });
  await client.subscribeAsync('tenma/v1/tasks/+/+/+/result', { qos: 1 });

  return {
    begin(listener) {
      tally = { arrivals: [], duplicates: 0, bytes: 0 };
      onSeen = listener;
      return tally;
    },
    async [Symbol.asyncDispose]() {
      await client.endAsync(true);
    },
  };
}
