import { randomUUID } from 'node:crypto';
import { until } from '@tenma/test-support';
import { describe, expect, test } from 'vitest';
import { type Message, type Results, ResultsUnavailableError } from './results.ts';

/** A broker under test. */
export interface Fabric extends AsyncDisposable {
  /** Another component at the same broker, connected. */
  connect(): Promise<Results>;
}

/** A place of a test's own among the topics. */
export function freshRoot(): string {
  return `tenma/v1/test-${randomUUID()}`;
}

/** Collects what a filter brings; resolves when the subscription is certain to be in force at the broker. */
export async function collect(
  results: Results,
  filter: string,
): Promise<AsyncDisposable & { messages: Message[] }> {
  const messages: Message[] = [];
  const subscription = await results.subscribe(filter, (message) => messages.push(message));
  await inForce(results);
  return { messages, [Symbol.asyncDispose]: () => subscription[Symbol.asyncDispose]() };
}

/** A broker handles what comes on one connection in order: when a later subscription is heard, the earlier ones hold. */
export async function inForce(results: Results): Promise<void> {
  const topic = `${freshRoot()}/probe`;
  const { promise: heard, resolve } = Promise.withResolvers<void>();
  const probe = await results.subscribe(topic, () => resolve());
  await results.announce(topic, 'probe', { qos: 1 });
  await heard;
  await probe[Symbol.asyncDispose]();
}

/** A CloudEvent as the fabric makes them. */
const event = (n: number, data: unknown) => ({
  specversion: '1.0',
  id: String(n),
  source: '/test',
  type: 'tenma.test.v1',
  datacontenttype: 'application/json',
  data,
});

/** JSON text in which the order of attributes does not matter. */
function sorted(payload: unknown): string {
  const attributes = Object.entries(payload as object);
  return JSON.stringify(attributes.toSorted(([a], [b]) => a.localeCompare(b)));
}

export const payloadsOf = (messages: readonly Message[]) => messages.map(({ payload }) => payload);

/** What every adapter of `Results` promises. */
export function resultsContract({ name, create }: { name: string; create: () => Promise<Fabric> }): void {
  async function setUp() {
    const fabric = await create();
    const announcer = await fabric.connect();
    const subscriber = await fabric.connect();
    return {
      fabric,
      announcer,
      subscriber,
      root: freshRoot(),
      async [Symbol.asyncDispose]() {
        await announcer[Symbol.asyncDispose]();
        await subscriber[Symbol.asyncDispose]();
        await fabric[Symbol.asyncDispose]();
      },
    };
  }

  describe(`${name}: announcing`, () => {
    test.for([0, 1] as const)('reaches every matching subscriber once (QoS %i)', async (qos) => {
      await using at = await setUp();
      await using first = await collect(at.subscriber, `${at.root}/a`);
      await using second = await collect(at.announcer, `${at.root}/a`);
      await using other = await collect(at.subscriber, `${at.root}/b`);
      const payload = { text: 'ünïcode ✓', list: [1, null, { deep: true }] };
      await at.announcer.announce(`${at.root}/a`, payload, { qos });
      await at.announcer.announce(`${at.root}/b`, 'end', { qos });
      await until(() => other.messages.length > 0 && second.messages.length > 0);
      await inForce(at.subscriber);
      expect(first.messages).toEqual([{ topic: `${at.root}/a`, payload, retained: false }]);
      expect(second.messages).toEqual(first.messages);
      expect(payloadsOf(other.messages)).toEqual(['end']);
    });

    test('keeps the order of one announcer among messages of one QoS, retained or not', async () => {
      await using at = await setUp();
      await using heard = await collect(at.subscriber, `${at.root}/#`);
      const numbers = Array.from({ length: 300 }, (_, index) => index);
      const qosOf = (n: number) => (n % 3 === 0 ? 0 : 1);
      const announced = numbers.map((n) =>
        at.announcer.announce(`${at.root}/${n % 5}`, n, { qos: qosOf(n), retain: n % 7 === 0 }),
      );
      await Promise.all(announced);
      await until(() => heard.messages.length >= numbers.length);
      for (const level of [0, 1, 2, 3, 4]) {
        await at.announcer.announce(`${at.root}/${level}`, null, { qos: 1, retain: true });
      }
      // Where many wait for a subscriber, brokers let QoS 0 pass QoS 1.
      const received = heard.messages.slice(0, numbers.length).map(({ payload }) => payload as number);
      for (const qos of [0, 1]) {
        expect(received.filter((n) => qosOf(n) === qos)).toEqual(numbers.filter((n) => qosOf(n) === qos));
      }
    });

    test('carries 256 KiB', async () => {
      await using at = await setUp();
      await using heard = await collect(at.subscriber, `${at.root}/large`);
      const payload = { text: 'x'.repeat(256 * 1024) };
      await at.announcer.announce(`${at.root}/large`, payload, { qos: 1 });
      await until(() => heard.messages.length > 0);
      expect(payloadsOf(heard.messages)).toEqual([payload]);
    });

    test('carries CloudEvents of any size whole and in order, and what is none as it is', async () => {
      await using at = await setUp();
      await using heard = await collect(at.subscriber, `${at.root}/#`);
      const sizes = [10, 1_500_000, 10, 70_000, 300_000, 10];
      const events = sizes.map((size, n) => event(n, { text: `${n}ü`.repeat(size / 2) }));
      const payloads = [...events, { specversion: '0.3', data: 'x'.repeat(100_000) }, event(9, null)];
      await Promise.all(
        payloads.map((payload) => at.announcer.announce(`${at.root}/a`, payload, { qos: 1 })),
      );
      await until(() => heard.messages.length >= payloads.length);
      const texts = payloadsOf(heard.messages).map((payload) => sorted(payload));
      for (const [n, payload] of payloads.entries())
        expect.assert(texts[n] === sorted(payload), `payload ${n} is the same`);
    });

    test('takes 5,000 at once and all arrive', async () => {
      await using at = await setUp();
      await using heard = await collect(at.subscriber, `${at.root}/+/result`);
      const numbers = Array.from({ length: 5_000 }, (_, index) => index);
      await Promise.all(
        numbers.map((n) => at.announcer.announce(`${at.root}/${n}/result`, { n }, { qos: 1 })),
      );
      await until(() => heard.messages.length >= numbers.length);
      expect(heard.messages.map(({ payload }) => (payload as { n: number }).n)).toEqual(numbers);
    });

    test.for(['', 'a/+', 'a/#', '$SYS/a'])(
      'refuses the topic "%s" as a mistake of the caller',
      async (topic) => {
        await using at = await setUp();
        await expect(at.announcer.announce(topic, 1, { qos: 0 })).rejects.toThrow(TypeError);
      },
    );
  });

  describe(`${name}: subscribing`, () => {
    test('+ stands for one level, # for all that follow and for their parent', async () => {
      await using at = await setUp();
      await using one = await collect(at.subscriber, `${at.root}/+/c`);
      await using all = await collect(at.subscriber, `${at.root}/a/#`);
      for (const topic of ['a', 'a/c', 'a/b/c', 'b/c', 'c']) {
        await at.announcer.announce(`${at.root}/${topic}`, topic, { qos: 1 });
      }
      await until(() => one.messages.length >= 2 && all.messages.length >= 3);
      await inForce(at.subscriber);
      expect(payloadsOf(one.messages)).toEqual(['a/c', 'b/c']);
      expect(payloadsOf(all.messages)).toEqual(['a', 'a/c', 'a/b/c']);
    });

    test('ends with its handle; other subscriptions to the filter stay', async () => {
      await using at = await setUp();
      const first = await collect(at.subscriber, `${at.root}/a`);
      await using second = await collect(at.subscriber, `${at.root}/a`);
      await first[Symbol.asyncDispose]();
      await first[Symbol.asyncDispose]();
      await at.announcer.announce(`${at.root}/a`, 1, { qos: 1 });
      await until(() => second.messages.length > 0);
      expect(first.messages).toEqual([]);
      await second[Symbol.asyncDispose]();
      await at.announcer.announce(`${at.root}/a`, 2, { qos: 1 });
      await inForce(at.announcer);
      await inForce(at.subscriber);
      expect(payloadsOf(second.messages)).toEqual([1]);
    });

    test('goes on after a handler threw', async () => {
      await using at = await setUp();
      await using _broken = await at.subscriber.subscribe(`${at.root}/a`, () => {
        throw new Error('a fault in a handler');
      });
      await using heard = await collect(at.subscriber, `${at.root}/a`);
      for (const n of [1, 2]) await at.announcer.announce(`${at.root}/a`, n, { qos: 1 });
      await until(() => heard.messages.length >= 2);
      expect(payloadsOf(heard.messages)).toEqual([1, 2]);
    });

    test.for(['', 'a+/b', 'a/#/b'])('to "%s" is refused as a mistake of the caller', async (filter) => {
      await using at = await setUp();
      await expect(at.subscriber.subscribe(filter, () => {})).rejects.toThrow(TypeError);
    });
  });

  describe(`${name}: retained messages`, () => {
    test('come first to a late subscriber, flagged; those who heard it live see no flag', async () => {
      await using at = await setUp();
      await using early = await collect(at.subscriber, `${at.root}/#`);
      await at.announcer.announce(`${at.root}/a/state`, 'old', { qos: 1, retain: true });
      await at.announcer.announce(`${at.root}/a/state`, 'new', { qos: 1, retain: true });
      await until(() => early.messages.length >= 2);
      expect(early.messages.map(({ retained }) => retained)).toEqual([false, false]);
      await using late = await collect(at.announcer, `${at.root}/+/state`);
      await at.announcer.announce(`${at.root}/a/state`, 'newest', { qos: 1, retain: true });
      await until(() => late.messages.length >= 2);
      expect(late.messages).toEqual([
        { topic: `${at.root}/a/state`, payload: 'new', retained: true },
        { topic: `${at.root}/a/state`, payload: 'newest', retained: false },
      ]);
      await at.announcer.announce(`${at.root}/a/state`, null, { qos: 1, retain: true });
    });

    test('are cleared by null, which subscribers hear as null', async () => {
      await using at = await setUp();
      await using early = await collect(at.subscriber, `${at.root}/state`);
      await at.announcer.announce(`${at.root}/state`, { on: true }, { qos: 1, retain: true });
      await at.announcer.announce(`${at.root}/state`, null, { qos: 1, retain: true });
      await until(() => early.messages.length >= 2);
      expect(payloadsOf(early.messages)).toEqual([{ on: true }, null]);
      await using late = await collect(await at.fabric.connect(), `${at.root}/state`);
      expect(late.messages).toEqual([]);
    });
  });

  describe(`${name}: closing`, () => {
    test('is told to listeners, and announcing and subscribing then fail at once', async () => {
      await using at = await setUp();
      const results = await at.fabric.connect();
      const heard: string[] = [];
      using _listener = results.onStatus((status) => heard.push(status));
      const ended = results.onStatus(() => heard.push('not heard'));
      ended[Symbol.dispose]();
      expect(results.status).toBe('connected');
      await results[Symbol.asyncDispose]();
      await results[Symbol.asyncDispose]();
      expect(heard).toEqual(['closed']);
      expect(results.status).toBe('closed');
      await expect(results.announce(`${at.root}/a`, 1, { qos: 1 })).rejects.toThrow(ResultsUnavailableError);
      await expect(results.subscribe(`${at.root}/a`, () => {})).rejects.toThrow(ResultsUnavailableError);
    });

    test('lets announcements under way arrive, and ends subscriptions', async () => {
      await using at = await setUp();
      const leaving = await at.fabric.connect();
      await using heard = await collect(at.subscriber, `${at.root}/a`);
      const gone = await collect(leaving, `${at.root}/a`);
      const underWay = [1, 2, 3].map((n) => leaving.announce(`${at.root}/a`, n, { qos: 1 }));
      await leaving[Symbol.asyncDispose]();
      await Promise.all(underWay);
      await at.announcer.announce(`${at.root}/a`, 4, { qos: 1 });
      await until(() => heard.messages.length >= 4);
      expect(payloadsOf(heard.messages)).toEqual([1, 2, 3, 4]);
      expect(payloadsOf(gone.messages)).not.toContain(4);
    });
  });
}
