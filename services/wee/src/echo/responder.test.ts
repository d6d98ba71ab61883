import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { ConfigError, type ManualClock, manualClock, silentLog } from '@tenma/runtime';
import { until } from '@tenma/test-support';
import { describe, expect, test } from 'vitest';
import { echoLimits } from './connection.ts';
import { type EchoOptions, type EchoResponder, startEcho } from './responder.ts';

interface Started extends AsyncDisposable {
  readonly echo: EchoResponder;
  readonly clock: ManualClock;
  readonly port: number;
}

async function start(options: Partial<EchoOptions> = {}): Promise<Started> {
  const clock = manualClock();
  const echo = await startEcho({ clock, log: silentLog() }, { host: '127.0.0.1', port: 0, ...options });
  const port = Number(echo.address.split(':').at(-1));
  return { echo, clock, port, [Symbol.asyncDispose]: () => echo[Symbol.asyncDispose]() };
}

/** A client that keeps all it hears. */
class Client implements Disposable {
  readonly socket: Socket;
  heard = '';
  readonly closed: Promise<void>;

  constructor(port: number, options: { allowHalfOpen?: boolean } = {}) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true, ...options });
    this.closed = new Promise((resolve) => this.socket.once('close', () => resolve()));
    this.socket.on('error', () => {});
    this.socket.on('data', (chunk) => (this.heard += chunk.toString('latin1')));
  }

  async hears(length: number): Promise<string> {
    while (this.heard.length < length) await once(this.socket, 'data');
    return this.heard;
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

/** That others are served still. */
async function answers(port: number): Promise<boolean> {
  using client = new Client(port);
  client.socket.write('still there?\n');
  return (await client.hears(13)) === 'still there?\n';
}

describe('the echo responder', () => {
  test('sends each line back unchanged, whatever its pieces', async () => {
    await using started = await start();
    using client = new Client(started.port);
    client.socket.write('one\ntwo\nthr');
    expect(await client.hears(8)).toBe('one\ntwo\n');
    client.socket.write('ee\n\n\xff\0\n', 'latin1');
    expect(await client.hears(18)).toBe('one\ntwo\nthree\n\n\xff\0\n');
  });

  test('takes lines of 64 bytes', async () => {
    await using started = await start();
    using client = new Client(started.port);
    const line = `${'x'.repeat(echoLimits.lineBytes)}\n`;
    client.socket.write(line + line);
    expect(await client.hears(130)).toBe(line + line);
  });

  test('says where others should dial', async () => {
    await using plain = await start();
    expect(plain.echo.address).toMatch(/^127\.0\.0\.1:[1-9]\d*$/);
    await using advertised = await start({ advertise: 'wee-1.example:7007' });
    expect(advertised.echo.address).toBe('wee-1.example:7007');
    await using six = await start({ host: '::1' });
    expect(six.echo.address).toMatch(/^\[::1\]:[1-9]\d*$/);
  });

  test('refuses a port that is taken, naming the setting', async () => {
    await using started = await start();
    const second = start({ port: started.port });
    await expect(second).rejects.toThrow(ConfigError);
    await expect(second).rejects.toThrow(/TENMA_ECHO_PORT.*taken/);
  });

  test('ends all connections when it is disposed', async () => {
    const { echo, port } = await start();
    const client = new Client(port);
    client.socket.write('hello\n');
    await client.hears(6);
    await echo[Symbol.asyncDispose]();
    await client.closed;
    const late = connect({ port, host: '127.0.0.1' });
    await expect(once(late, 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

describe('the echo responder, misused,', () => {
  test.each([
    ['in one piece', ['x'.repeat(65)]],
    ['with its end', [`${'x'.repeat(65)}\n`]],
    ['in pieces', ['x'.repeat(40), 'x'.repeat(40)]],
    ['behind one that is not', [`fine\n${'x'.repeat(70)}`]],
  ])('closes on a line that is too long: %s', async (_, pieces) => {
    await using started = await start();
    const client = new Client(started.port);
    for (const piece of pieces) client.socket.write(piece);
    await client.closed;
    expect(client.heard).toBe('');
    expect(await answers(started.port)).toBe(true);
  });

  test('takes 1,000 lines of a connection, and reads no further', async () => {
    await using started = await start();
    const client = new Client(started.port);
    client.socket.write('line\n'.repeat(echoLimits.lines + 500));
    await client.closed;
    expect(client.heard).toBe('line\n'.repeat(echoLimits.lines));
    expect(await answers(started.port)).toBe(true);
  });

  test('serves 256 connections at a time and closes what is beyond', async () => {
    await using started = await start();
    await using clients = new AsyncDisposableStack();
    const held = Array.from({ length: 256 }, () => clients.use(new Client(started.port)));
    await Promise.all(
      held.map(async (client) => {
        client.socket.write('mine\n');
        expect(await client.hears(5)).toBe('mine\n');
      }),
    );
    const beyond = new Client(started.port);
    beyond.socket.write('mine\n');
    await beyond.closed;
    expect(beyond.heard).toBe('');
    held[0]!.socket.end();
    await held[0]!.closed;
    expect(await answers(started.port)).toBe(true);
  });

  test('closes what sends no whole line for 30 s, dripping or silent', async () => {
    await using started = await start();
    const silent = new Client(started.port);
    const dripping = new Client(started.port);
    using busy = new Client(started.port);
    for (const client of [silent, dripping, busy]) {
      client.socket.write('a\n');
      await client.hears(2);
    }
    await started.clock.advance(echoLimits.idleMs - 1);
    dripping.socket.write('b');
    busy.socket.write('b\n');
    await busy.hears(4);
    await started.clock.advance(1);
    await Promise.all([silent.closed, dripping.closed]);
    busy.socket.write('c\n');
    expect(await busy.hears(6)).toBe('a\nb\nc\n');
  });

  test('closes a connection whose other half is closed, after the last answer', async () => {
    await using started = await start();
    const client = new Client(started.port, { allowHalfOpen: true });
    client.socket.end('last\nand a beginning');
    await once(client.socket, 'end');
    expect(client.heard).toBe('last\n');
    await client.closed;
  });

  test('lets go of one that keeps its half open when its lines are used up', async () => {
    await using started = await start();
    const client = new Client(started.port, { allowHalfOpen: true });
    client.socket.write('x\n'.repeat(echoLimits.lines));
    await once(client.socket, 'end');
    expect(client.heard).toHaveLength(2 * echoLimits.lines);
    expect(client.socket.write('more\n')).toBe(true);
    await started.clock.advance(echoLimits.idleMs);
    // Nobody is there any more to take what it sends.
    await until(() => client.socket.destroyed || !client.socket.write('more\n'));
    expect(await answers(started.port)).toBe(true);
  });

  test('outlives a connection that is reset', async () => {
    await using started = await start();
    const client = new Client(started.port);
    client.socket.write('line\n'.repeat(100));
    await client.hears(5);
    client.socket.resetAndDestroy();
    await client.closed;
    expect(await answers(started.port)).toBe(true);
  });
});
