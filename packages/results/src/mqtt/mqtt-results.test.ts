import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { silentLog, systemClock } from '@tenma/runtime';
import { freePort, startProcess, until } from '@tenma/test-support';
import { findMosquitto, sharedMosquitto, startMosquitto } from '@tenma/test-support/mosquitto';
import { connectAsync, type IPublishPacket } from 'mqtt';
import { afterAll, describe, expect, test } from 'vitest';
import { createEmbeddedBroker } from '../embedded/index.ts';
import { collect, freshRoot, inForce, payloadsOf, resultsContract } from '../results.contract.ts';
import { type Results, ResultsUnavailableError } from '../results.ts';
import { createMqttResults, type MqttResultsOptions } from './index.ts';

const components = { clock: systemClock(), log: silentLog(), random: Math.random };
const create = (options: Omit<MqttResultsOptions, 'clientId'>) =>
  createMqttResults(components, { clientId: `test-${randomUUID()}`, ...options });

async function connected(results: Results): Promise<Results> {
  if (results.status === 'connected') return results;
  await new Promise<void>((resolve) => {
    const listener = results.onStatus((status) => {
      if (status !== 'connected') return;
      listener[Symbol.dispose]();
      resolve();
    });
  });
  return results;
}

// The contract counts on a broker that drops nothing for a slow subscriber: one with our settings, where there is one.
const named = process.env['TENMA_TEST_MQTT_URL'] !== undefined;
const shared = !named && findMosquitto() ? await startMosquitto() : await sharedMosquitto();

afterAll(() => shared?.[Symbol.asyncDispose]());

describe.skipIf(shared === undefined)('over a real broker', () => {
  resultsContract({
    name: 'mqtt',
    async create() {
      const open: Results[] = [];
      return {
        async connect() {
          const results = create({ url: shared?.url ?? '' });
          open.push(results);
          return connected(results);
        },
        async [Symbol.asyncDispose]() {
          for (const results of open) await results[Symbol.asyncDispose]();
        },
      };
    },
  });

  test('messages say whether they are CloudEvents', async () => {
    const root = freshRoot();
    const packets: IPublishPacket[] = [];
    const url = shared?.url ?? '';
    const outside = await connectAsync(url, { protocolVersion: 5 });
    outside.on('message', (_topic, _payload, packet) => packets.push(packet));
    await outside.subscribeAsync(`${root}/#`, { qos: 1 });
    await using results = await connected(create({ url }));
    await results.announce(`${root}/a`, { specversion: '1.0' }, { qos: 1 });
    await results.announce(`${root}/a`, { other: true }, { qos: 1 });
    await until(() => packets.length > 1);
    expect(packets[1]?.properties?.contentType).toBe('application/json');
    expect(packets[0]).toMatchObject({
      qos: 1,
      properties: { contentType: 'application/cloudevents+json', payloadFormatIndicator: true },
    });
    await outside.endAsync();
  });

  test('overlapping filters of one component hear a message once each', async () => {
    await using results = await connected(create({ url: shared?.url ?? '' }));
    const root = freshRoot();
    await using all = await collect(results, `${root}/#`);
    await using one = await collect(results, `${root}/+`);
    await results.announce(`${root}/a`, 1, { qos: 1 });
    await inForce(results);
    expect([payloadsOf(all.messages), payloadsOf(one.messages)]).toEqual([[1], [1]]);
  });

  test('a will is announced when the process is killed, and not after a goodbye', async () => {
    const url = shared?.url ?? '';
    const root = freshRoot();
    await using watcher = await connected(create({ url }));
    await using heard = await collect(watcher, `${root}/#`);
    const will = { topic: `${root}/presence`, payload: { gone: true }, retain: true };
    const leaving = await connected(create({ url, will: { ...will, topic: `${root}/leaving` } }));
    await leaving[Symbol.asyncDispose]();

    const code = `
      import { silentLog, systemClock } from '@tenma/runtime';
      import { createMqttResults } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)};
      const components = { clock: systemClock(), log: silentLog(), random: Math.random };
      const results = createMqttResults(components, ${JSON.stringify({ url, clientId: randomUUID(), will })});
      results.onStatus(() => void results.announce('${root}/alive', true, { qos: 1 }));
      setInterval(() => {}, 1_000);`;
    await using child = startProcess(process.execPath, ['--input-type=module', '--eval', code], {
      cwd: new URL('.', import.meta.url).pathname,
    });
    await until(() => heard.messages.length > 0, { what: 'the child saying that it is alive' });
    await child.kill('SIGKILL');
    await until(() => heard.messages.length > 1, { what: 'the will' });
    expect(heard.messages.map(({ topic, payload }) => [topic, payload])).toEqual([
      [`${root}/alive`, true],
      [`${root}/presence`, { gone: true }],
    ]);
    await watcher.announce(`${root}/presence`, null, { qos: 1, retain: true });
  });
});

describe.skipIf(!findMosquitto())('a broker that comes and goes', () => {
  test('killed: all that is under way fails at once, later calls at once, and all works again after its return', async () => {
    await using broker = await startMosquitto();
    await using announcer = await connected(create({ url: broker.url }));
    await using subscriber = await connected(create({ url: broker.url }));
    const statuses: string[] = [];
    using _listener = announcer.onStatus((status) => statuses.push(status));
    const root = freshRoot();
    await using heard = await collect(subscriber, `${root}/+`);

    const underWay = Array.from({ length: 20_000 }, (_, n) =>
      announcer.announce(`${root}/lost`, n, { qos: 1 }),
    );
    const settled = Promise.allSettled(underWay);
    await broker.stop('SIGKILL');
    const outcomes = await settled;
    const failures = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(failures.length).toBeGreaterThan(0);
    expect(failures.every(({ reason }) => reason instanceof ResultsUnavailableError)).toBe(true);
    await expect(announcer.announce(`${root}/a`, 1, { qos: 0 })).rejects.toThrow(ResultsUnavailableError);

    await broker.start();
    await Promise.all([connected(announcer), connected(subscriber)]);
    await inForce(subscriber);
    heard.messages.length = 0;
    await announcer.announce(`${root}/back`, 2, { qos: 1 });
    await until(() => heard.messages.length > 0);
    // Nothing that was lost is sent again.
    expect(payloadsOf(heard.messages)).toEqual([2]);
    expect(statuses).toEqual(['connecting', 'connected']);
  });

  test('absent at the start: announcing fails, subscribing is recorded, and both work when it appears', async () => {
    const port = await freePort();
    await using results = create({ url: `mqtt://127.0.0.1:${port}` });
    const root = freshRoot();
    const heard: unknown[] = [];
    await using _subscription = await results.subscribe(`${root}/a`, ({ payload }) => heard.push(payload));
    await expect(results.announce(`${root}/a`, 1, { qos: 1 })).rejects.toThrow(ResultsUnavailableError);
    expect(results.status).toBe('connecting');
    await using _broker = await startMosquitto({ port });
    await connected(results);
    await results.announce(`${root}/a`, 2, { qos: 1 });
    await until(() => heard.length > 0);
    expect(heard).toEqual([2]);
  });

  test('with few places for unacknowledged messages it is sent no more than it takes', async () => {
    await using broker = await startMosquitto({ config: ['max_inflight_messages 5'] });
    await using results = await connected(create({ url: broker.url }));
    await using heard = await collect(results, `${freshRoot()}/a`);
    const topic = `${freshRoot()}/b`;
    await Promise.all(Array.from({ length: 500 }, (_, n) => results.announce(topic, n, { qos: 1 })));
    expect(heard.messages).toEqual([]);
  });
});

test('user and password come from the URL', async () => {
  const { promise: connectPacket, resolve } = Promise.withResolvers<Buffer>();
  await using broker = await scriptedBroker(resolve);
  await using _results = create({ url: broker.url.replace('//', '//us%40er:p%3Aa:ss@') });
  // Both are strings with a length of two bytes before them.
  expect((await connectPacket).toString('latin1')).toContain('\0\x05us@er\0\x06p:a:ss');
});

describe('MQTT 3.1.1', () => {
  test('is spoken with a broker that knows no other, such as the embedded one', async () => {
    await using broker = await createEmbeddedBroker(components, { port: 0 });
    await using results = await connected(create({ url: `mqtt://127.0.0.1:${broker.port}` }));
    const root = freshRoot();
    const heard: unknown[] = [];
    await using _subscription = await results.subscribe(`${root}/#`, ({ payload }) => heard.push(payload));
    await broker.results().announce(`${root}/state`, 'kept', { qos: 1, retain: true });
    await until(() => heard.length > 0);
    expect(heard).toEqual(['kept']);
  });

  test('is spoken with a broker that hangs up on what it does not know', async () => {
    const versions: number[] = [];
    await using broker = await scriptedBroker((packet, socket) => {
      if (packet[0] !== 0x10) return;
      const version = packet[8] ?? 0;
      versions.push(version);
      if (version === 4) socket.write(Uint8Array.of(0x20, 2, 0, 0));
      else socket.end();
    });
    await using _results = await connected(create({ url: broker.url }));
    expect(versions).toEqual([5, 4]);
  });
});

describe('a broker that stops answering', () => {
  const connack = Uint8Array.of(0x20, 3, 0, 0, 0);

  test('fails an announcement after its timeout', async () => {
    await using broker = await scriptedBroker((packet, socket) => {
      if (packet[0] === 0x10) socket.write(connack);
    });
    await using results = await connected(create({ url: broker.url }));
    const began = performance.now();
    await expect(results.announce('tenma/v1/a', 1, { qos: 1, timeoutMs: 200 })).rejects.toThrow('in time');
    // Without a timeout of its own it would fail after 5 s.
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  test('fails an announcement that it refuses', async () => {
    await using broker = await scriptedBroker((packet, socket) => {
      if (packet[0] === 0x10) socket.write(connack);
      // PUBACK with reason 0x97, quota exceeded, for the message id after the topic.
      else if (packet[0] === 0x32) {
        const at = 4 + (packet[3] ?? 0);
        socket.write(Uint8Array.of(0x40, 4, packet[at] ?? 0, packet[at + 1] ?? 0, 0x97, 0));
      }
    });
    await using results = await connected(create({ url: broker.url }));
    const announced = results.announce('tenma/v1/a', 1, { qos: 1 });
    await expect(announced).rejects.toThrow(ResultsUnavailableError);
    await expect(announced).rejects.toThrow('Quota exceeded');
  });
});

/** Something on a TCP port that answers as told, a packet a chunk. */
async function scriptedBroker(onPacket: (packet: Buffer, socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (packet) => onPacket(packet, socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
