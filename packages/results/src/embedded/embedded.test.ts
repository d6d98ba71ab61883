import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import { connect as connectSocket, createServer as createTcpServer } from 'node:net';
import { silentLog, systemClock } from '@tenma/runtime';
import { findBinary, until } from '@tenma/test-support';
import { connect, connectAsync, type MqttClient } from 'mqtt';
import { describe, expect, test } from 'vitest';
import { collect, freshRoot, payloadsOf, resultsContract } from '../results.contract.ts';
import { createEmbeddedBroker, type EmbeddedBrokerOptions } from './index.ts';

const components = { clock: systemClock(), log: silentLog() };
const start = (options: Partial<EmbeddedBrokerOptions> = {}) =>
  createEmbeddedBroker(components, { port: 0, ...options });

resultsContract({
  name: 'embedded',
  async create() {
    const broker = await start();
    return {
      connect: () => Promise.resolve(broker.results()),
      [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose](),
    };
  },
});

/** An MQTT client from outside, which collects what it hears. */
async function outsider(url: string, filters: string[] = []) {
  const client = await connectAsync(url, { reconnectPeriod: 0 }, false);
  const messages: { topic: string; payload: unknown; qos: number; retain: boolean }[] = [];
  client.on('message', (topic, payload, { qos, retain }) => {
    messages.push({
      topic,
      payload: payload.length > 0 ? JSON.parse(payload.toString()) : null,
      qos,
      retain,
    });
  });
  for (const filter of filters) await client.subscribeAsync(filter, { qos: 1 });
  return { client, messages, [Symbol.asyncDispose]: () => client.endAsync(true) };
}

const closed = (client: MqttClient) =>
  until(() => !client.connected, { what: 'the broker closing the connection' });

async function httpServer() {
  const server = createServer((_request, response) => response.end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    server,
    port,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

describe('clients from outside the embedded broker', () => {
  test('hear over TCP what the process announces, retained first, in order and once', async () => {
    await using broker = await start();
    const results = broker.results();
    const root = freshRoot();
    await results.announce(`${root}/state`, 'kept', { qos: 1, retain: true });
    await using outside = await outsider(`mqtt://127.0.0.1:${broker.port}`, [`${root}/#`, `${root}/+`]);
    // Once for each filter; what comes live comes once for both.
    await until(() => outside.messages.length === 2);
    expect(outside.messages.every(({ retain }) => retain)).toBe(true);
    outside.messages.length = 0;
    const options = (n: number) => ({ qos: n % 3 === 0 ? 0 : 1, retain: n % 7 === 0 }) as const;
    const numbers = Array.from({ length: 500 }, (_, index) => index);
    await Promise.all(numbers.map((n) => results.announce(`${root}/n`, n, options(n))));
    await until(() => outside.messages.length >= numbers.length);
    expect(outside.messages.map(({ payload }) => payload)).toEqual(numbers);
    expect(outside.messages.slice(0, 2).map(({ qos }) => qos)).toEqual([0, 1]);
  });

  test('hear over WebSocket on an HTTP server of this process', async () => {
    await using broker = await start();
    await using http = await httpServer();
    using _attachment = broker.attachWebSocket(http.server, '/mqtt');
    const root = freshRoot();
    await using outside = await outsider(`ws://127.0.0.1:${http.port}/mqtt`, [`${root}/#`]);
    await broker.results().announce(`${root}/a`, { large: 'x'.repeat(200_000) }, { qos: 1 });
    await until(() => outside.messages.length > 0);
    expect(outside.messages).toMatchObject([{ topic: `${root}/a`, qos: 1 }]);
  });

  test.for([
    ['a page of another host', { origin: 'https://evil.example' }, '/mqtt', 403],
    ['a page of no host', { origin: 'null' }, '/mqtt', 403],
    ['a client without the subprotocol', { 'sec-websocket-protocol': 'chat' }, '/mqtt', 400],
    ['another path', {}, '/other', 404],
  ] as const)('over WebSocket: %s is refused', async ([_what, headers, path, status]) => {
    await using broker = await start();
    await using http = await httpServer();
    using _attachment = broker.attachWebSocket(http.server, '/mqtt');
    const upgrade = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': Buffer.alloc(16).toString('base64'),
      'sec-websocket-protocol': 'mqtt',
    };
    const request = httpRequest({
      host: '127.0.0.1',
      port: http.port,
      path,
      headers: { ...upgrade, ...headers },
    });
    request.end();
    const [response] = (await once(request, 'response')) as [{ statusCode: number; resume(): void }];
    response.resume();
    expect(response.statusCode).toBe(status);
  });

  test('over WebSocket: a page of the same host is let in, until the attachment ends', async () => {
    await using broker = await start();
    await using http = await httpServer();
    const attachment = broker.attachWebSocket(http.server, '/mqtt');
    const url = `ws://127.0.0.1:${http.port}/mqtt`;
    const wsOptions = { headers: { origin: `http://127.0.0.1:${http.port}` } };
    const client = await connectAsync(url, { wsOptions, reconnectPeriod: 0 });
    expect(client.connected).toBe(true);
    attachment[Symbol.dispose]();
    await client.endAsync(true);
    await expect(connectAsync(url, { wsOptions, reconnectPeriod: 0 }, false)).rejects.toThrow();
  });

  test.for(['tenma/v1/tasks/a', '$SYS/a'])(
    'may not publish to %s: the connection ends, nobody hears it',
    async (topic) => {
      await using broker = await start();
      await using heard = await collect(broker.results(), '#');
      await using other = await outsider(`mqtt://127.0.0.1:${broker.port}`);
      for (const qos of [0, 1, 2] as const) {
        await using outside = await outsider(`mqtt://127.0.0.1:${broker.port}`);
        outside.client.publish(topic, 'forged', { qos, retain: true });
        await closed(outside.client);
      }
      expect(heard.messages.filter((message) => message.topic === topic)).toEqual([]);
      expect(other.client.connected).toBe(true);
    },
  );

  test('may leave no will', async () => {
    await using broker = await start();
    const results = broker.results();
    const root = freshRoot();
    await using heard = await collect(results, `${root}/#`);
    const will = { topic: `${root}/will`, payload: Buffer.from('"forged"'), qos: 1, retain: true } as const;
    const client = await connectAsync(`mqtt://127.0.0.1:${broker.port}`, { will, reconnectPeriod: 0 });
    client.stream.destroy();
    await closed(client);
    await results.announce(`${root}/end`, 'end', { qos: 1 });
    await until(() => heard.messages.length > 0);
    expect(payloadsOf(heard.messages)).toEqual(['end']);
  });

  test.for(['#', '+/v1/#', 'tenma/#', 'tenma/v1', '$SYS/#', 'other/a'])(
    'may not subscribe to %s',
    async (filter) => {
      await using broker = await start();
      await using outside = await outsider(`mqtt://127.0.0.1:${broker.port}`);
      await expect(outside.client.subscribeAsync(filter)).rejects.toThrow('Subscribe error');
      await outside.client.subscribeAsync('tenma/v1/#');
      expect(outside.client.connected).toBe(true);
    },
  );

  test('leave no session behind', async () => {
    await using broker = await start();
    const results = broker.results();
    const root = freshRoot();
    const options = { clientId: 'lasting', clean: false, reconnectPeriod: 0 };
    const client = await connectAsync(`mqtt://127.0.0.1:${broker.port}`, options);
    await client.subscribeAsync(`${root}/#`, { qos: 1 });
    await client.endAsync();
    await results.announce(`${root}/a`, 1, { qos: 1 });
    const sessions: boolean[] = [];
    const again = connect(`mqtt://127.0.0.1:${broker.port}`, options);
    again.on('connect', ({ sessionPresent }) => sessions.push(sessionPresent));
    await until(() => sessions.length > 0);
    expect(sessions).toEqual([false]);
    await again.endAsync(true);
  });

  test('that send a packet of more than 64 KiB are cut off', async () => {
    await using broker = await start();
    const socket = connectSocket(broker.port, '127.0.0.1');
    socket.write(Uint8Array.from([0x10, 0xff, 0xff, 0xff, 0x7f]));
    socket.on('error', () => {});
    await once(socket, 'close');
  });

  const mosquittoSub = findBinary('mosquitto_sub');
  test.skipIf(!mosquittoSub)('mosquitto_sub prints what is announced', async () => {
    await using broker = await start();
    const root = freshRoot();
    await broker.results().announce(`${root}/a`, { greeting: 'hello' }, { qos: 1, retain: true });
    const args = [
      '-h',
      '127.0.0.1',
      '-p',
      String(broker.port),
      '-t',
      `${root}/#`,
      '-q',
      '1',
      '-C',
      '1',
      '-v',
    ];
    const child = spawn(mosquittoSub ?? '', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    await once(child, 'close');
    expect(output).toBe(`${root}/a {"greeting":"hello"}\n`);
  });

  test('that are frozen hold announcers up until the drain timeout, and other subscribers not at all', async () => {
    await using broker = await start({ drainTimeoutMs: 5_000 });
    const results = broker.results();
    const root = freshRoot();
    await using frozen = await outsider(`mqtt://127.0.0.1:${broker.port}`, [`${root}/#`]);
    await using alive = await outsider(`mqtt://127.0.0.1:${broker.port}`, [`${root}/small`]);
    await using inside = await collect(results, `${root}/#`);
    frozen.client.stream.pause();
    // More than the sockets' buffers hold.
    const payload = 'x'.repeat(256 * 1024);
    const began = performance.now();
    const patient = { qos: 1, timeoutMs: 20_000 } as const;
    const large = Array.from({ length: 80 }, () => results.announce(`${root}/large`, payload, patient));
    const small = Array.from({ length: 500 }, (_, n) => results.announce(`${root}/small`, n, patient));
    let drained = false;
    const allLarge = Promise.all(large).then(() => (drained = true));
    await until(() => inside.messages.length === 580 && alive.messages.length === 500);
    expect(drained).toBe(false);
    await Promise.all([allLarge, ...small]);
    expect(performance.now() - began).toBeGreaterThan(4_900);
    // It was cut off, so that nobody waits any more.
    const again = performance.now();
    await results.announce(`${root}/end`, 'end', { qos: 1 });
    expect(performance.now() - again).toBeLessThan(4_900);
  });
});

describe('the port of the embedded broker', () => {
  async function taken() {
    const server = createTcpServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    return {
      port,
      [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
    };
  }

  test('is one of the next when a default one is taken', async () => {
    await using other = await taken();
    await using broker = await start({ port: other.port, portIsDefault: true });
    expect(broker.port).toBeGreaterThan(other.port);
    expect(broker.port).toBeLessThanOrEqual(other.port + 20);
    await using outside = await outsider(`mqtt://127.0.0.1:${broker.port}`);
    expect(outside.client.connected).toBe(true);
  });

  test('is an error that says what to do when a named one is taken', async () => {
    await using other = await taken();
    await expect(start({ port: other.port })).rejects.toThrow(
      `MQTT: port ${other.port} on 127.0.0.1 is taken; stop what listens there or set another port (TENMA_MQTT_PORT)`,
    );
  });
});

test('closing the embedded broker closes its components and hangs up on clients', async () => {
  const broker = await start();
  const results = broker.results();
  const outside = await outsider(`mqtt://127.0.0.1:${broker.port}`);
  const silent = connectSocket(broker.port, '127.0.0.1');
  await once(silent, 'connect');
  await Promise.all([broker[Symbol.asyncDispose](), once(silent, 'close')]);
  expect(results.status).toBe('closed');
  await closed(outside.client);
});
