import { gzipSync, zstdCompressSync } from 'node:zlib';
import { until } from '@tenma/test-support';
import { sharedRabbitmq } from '@tenma/test-support/rabbitmq';
import { type ChannelModel, connect, type Options } from 'amqplib';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Bus, deadLetterHeaders } from '../bus.ts';
import { collector, durable, testComponents } from '../contract/context.ts';
import { type TemporaryNamespace, temporaryNamespace } from './index.ts';

const server = await sharedRabbitmq();
afterAll(() => server?.[Symbol.asyncDispose]());

describe.skipIf(!server)('a body on its way through RabbitMQ', () => {
  let corner: TemporaryNamespace;
  let raw: ChannelModel;
  let bus: Bus;

  beforeEach(async () => {
    corner = temporaryNamespace(server?.url ?? '');
    raw = await connect(server?.url ?? '');
    bus = corner.createBus(testComponents);
    await until(() => bus.status === 'connected', { everyMs: 5 });
    await bus.declareQueue('q', durable);
  });
  afterEach(async () => {
    await raw.close();
    await corner[Symbol.asyncDispose]();
  });

  async function inject(content: Buffer, options: Options.Publish): Promise<void> {
    const channel = await raw.createConfirmChannel();
    channel.sendToQueue(`${corner.namespace}q`, content, options);
    await channel.waitForConfirms();
    await channel.close();
  }

  /** What stands in the queue, as another program sees it. */
  async function take() {
    const channel = await raw.createChannel();
    const message = await channel.get(`${corner.namespace}q`, { noAck: true });
    await channel.close();
    expect.assert(message !== false, 'a message');
    return message;
  }

  test('is packed when it is larger than 16 KiB, and its properties say so', async () => {
    const body = { text: 'a task like many others, '.repeat(2_000) };
    await bus.publish('q', body);
    const { content, properties } = await take();
    expect(properties).toMatchObject({ contentType: 'application/json', contentEncoding: 'zstd' });
    expect(content.length).toBeLessThan(1_000);
  });

  test('goes as it is when it is smaller', async () => {
    const body = 'a'.repeat(16_000);
    await bus.publish('q', body);
    const { content, properties } = await take();
    expect(properties).toMatchObject({ contentType: 'application/json', contentEncoding: undefined });
    expect(content.toString()).toBe(JSON.stringify(body));
  });

  const asIs = (text: string) => Buffer.from(text);
  test.each<[string, (text: string) => Buffer, Options.Publish]>([
    ['says nothing of itself', asIs, {}],
    ['names its type with parameters', asIs, { contentType: 'application/json; charset=utf-8' }],
    ['is JSON of a kind', asIs, { contentType: 'application/cloudevents+json' }],
    ['is not packed and says so', asIs, { contentEncoding: 'identity' }],
    ['was packed with gzip', gzipSync, { contentEncoding: 'gzip' }],
    ['was packed with zstd though it is small', zstdCompressSync, { contentEncoding: 'zstd' }],
  ])('is understood when it %s', async (_what, encode, properties) => {
    await inject(encode('{"n":1}'), properties);
    const { handler, count, deliveries } = collector();
    await using _consumer = await bus.consume('q', { prefetch: 1 }, handler);
    await count(1);
    expect(deliveries[0]?.body).toEqual({ n: 1 });
  });

  const bomb = () => zstdCompressSync(Buffer.alloc(256 * 1024 * 1024));
  test.each<[reason: string, content: () => Buffer, properties: Options.Publish]>([
    ['unknown_type', () => Buffer.from('{}'), { contentType: 'application/msgpack' }],
    ['unknown_encoding', () => Buffer.from('{}'), { contentEncoding: 'br' }],
    ['corrupt', () => Buffer.from('{}'), { contentEncoding: 'zstd' }],
    ['too_large', bomb, { contentEncoding: 'zstd' }],
    ['not_json', () => zstdCompressSync('{not json'), { contentEncoding: 'zstd' }],
  ])('that cannot be read goes to the dead queue: %s', async (reason, content, properties) => {
    const { handler, count, deliveries } = collector();
    await using _consumer = await bus.consume('q', { prefetch: 5 }, handler);
    const dead = collector();
    await using _dead = await bus.consume('tenma.dead', { prefetch: 1 }, dead.handler);
    await inject(content(), properties);
    await bus.publish('q', 'after it');
    await dead.count(1);
    await count(1);
    expect(deliveries).toMatchObject([{ body: 'after it' }]);
    expect(dead.deliveries[0]?.headers).toMatchObject({
      [deadLetterHeaders.queue]: 'q',
      [deadLetterHeaders.reason]: reason,
    });
  });

  test('keeps its packing in the dead queue, and is delivered from there as it was', async () => {
    const body = 'poison '.repeat(10_000);
    await using _consumer = await bus.consume('q', { prefetch: 1 }, () => 'drop');
    const dead = collector();
    await using _dead = await bus.consume('tenma.dead', { prefetch: 1 }, dead.handler);
    await bus.publish('q', body);
    await dead.count(1);
    expect(dead.deliveries[0]?.body).toBe(body);
  });
});
